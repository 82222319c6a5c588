import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

/** From the overview to the first balance: a customer's wallet, who is told, a top-up, its payment. */
registry.category("web_tour.tours").add("call_wallet_tour", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            trigger: '.o_app[data-menu-xmlid="call_wallet.menu_call_wallet_root"]',
            content: _t("Sell calls that are paid in advance. Begin with the overview."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: ".o_call_wallet_overview_page",
        },
        {
            trigger: '.o_menu_sections [data-menu-xmlid="call_wallet.menu_call_wallet"]',
            content: _t("The overview shows the money of all customers. Each of them has a wallet: open these."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_list_button_add, .o-kanban-button-new",
            content: _t("Make a wallet for a customer."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=partner_id] input",
            content: _t("Write the name of a company that buys calls from you: a new one, or one of your customers."),
            tooltipPosition: "bottom",
            run: "edit My First Customer",
        },
        {
            trigger: ".o_m2o_dropdown_option_create_edit",
            content: _t("Add the company to your contacts."),
            tooltipPosition: "right",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: ".modal .o_form_button_save",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: "body:not(:has(.modal))",
        },
        {
            // Whoever chose an existing customer has no dialog to save.
            isActive: ["manual"],
            trigger: ".modal .o_form_button_save, .o_notebook_headers a[name=notifications]",
            content: _t("Save the customer; then say who is told when the balance runs low."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_notebook_headers a[name=notifications]",
            content: _t("Who is told when the balance runs low? Without a recipient no call can start."),
            tooltipPosition: "top",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=recipient_ids] .o_field_x2many_list_row_add a",
            content: _t("Add an e-mail address of the customer."),
            tooltipPosition: "right",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=recipient_ids] .o_field_widget[name=email] input",
            content: _t("It gets a mail before the calls stop."),
            tooltipPosition: "bottom",
            run: "edit billing@example.com",
        },
        {
            trigger: ".o_form_button_save",
            content: _t("Save the wallet. It waits for its first funds."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger:
                ".o_form_saved button[name=action_add_balance], .o_statusbar_buttons button[name=action_add_balance]",
            content: _t("Add balance for the customer, as owners do by themselves on the portal."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=other_amount] input",
            content: _t("Enter an amount. The summary shows taxes, and how many minutes it buys."),
            tooltipPosition: "bottom",
            run: "edit 50 && press Tab",
        },
        {
            trigger: ".modal .o_field_widget[name=accept_terms] input",
            content: _t("Funds are invoiced and non-refundable: the customer has to agree."),
            tooltipPosition: "top",
            run: "click",
        },
        {
            trigger: ".modal button[name=action_request_invoice]",
            content: _t("This posts the invoice."),
            tooltipPosition: "top",
            run: "click",
        },
        {
            trigger: "button[name=action_register_payment]:enabled",
            content: _t("Cards and transfers are entered by themselves. Here, enter a payment by hand."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".modal button[name=action_create_payments]",
            content: _t("The funds reach the wallet with the payment."),
            tooltipPosition: "top",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: "body:not(:has(.modal))",
        },
        {
            trigger: ".o_back_button a",
            content: _t("Go back to the wallet."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_notebook_headers a[name=dashboard]",
            content: _t("Its dashboard follows what happens, without reloading."),
            tooltipPosition: "top",
            run: "click",
        },
        {
            trigger: ".o_call_wallet_dashboard [data-figure=balance]",
            content: _t("Here is the balance. Calls can start, and are charged as soon as they are reported."),
            tooltipPosition: "bottom",
            run: "click",
        },
    ],
});
