import "@payment_stripe/interactions/payment_form";
import { PaymentForm } from "@payment/interactions/payment_form";
import { patch } from "@web/core/utils/patch";

// Not "stripe", so that the inline flow of Odoo's own Stripe module lets it pass.
const CHECKOUT = "stripe_checkout";

/**
 * Stripe's own payment page, without Stripe's script: where the server renders no inline form
 * for a Stripe option, the customer is sent to the page that the server has opened.
 */
patch(PaymentForm.prototype, {
    _isCheckout(providerCode) {
        const radio = this.el.querySelector('input[name="o_payment_radio"]:checked');
        const form = radio && this._getInlineForm(radio);
        return providerCode === "stripe" && !form?.querySelector('[name="o_stripe_element_container"]');
    },

    async _prepareInlineForm(providerId, providerCode, ...rest) {
        const code = this._isCheckout(providerCode) ? CHECKOUT : providerCode;
        return super._prepareInlineForm(providerId, code, ...rest);
    },

    async _initiatePaymentFlow(providerCode, paymentOptionId, paymentMethodCode, flow) {
        const code = flow === "redirect" && this._isCheckout(providerCode) ? CHECKOUT : providerCode;
        return super._initiatePaymentFlow(code, paymentOptionId, paymentMethodCode, flow);
    },

    _processRedirectFlow(providerCode, paymentOptionId, paymentMethodCode, processingValues) {
        if (processingValues.checkout_url) {
            window.location = processingValues.checkout_url;
            return;
        }
        super._processRedirectFlow(...arguments);
    },
});
