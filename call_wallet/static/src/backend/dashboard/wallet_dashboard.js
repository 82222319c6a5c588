import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, onWillStart, useEffect, useState } from "@odoo/owl";

import { formatDay, formatMoment, formatMoney, formatWhole } from "@call_wallet/common/money";
import { SpendChart } from "@call_wallet/common/dashboard/spend_chart";
import { useWalletChanges } from "./wallet_changes";
import { cityOf } from "../ledger/moment_field";
import { WalletRecipients } from "../notices/wallet_recipients";

const STATE_CLASSES = {
    not_set_up: "text-bg-secondary",
    active: "text-bg-success",
    paused: "text-bg-danger",
};
const INVOICE_CLASSES = {
    paid: "text-bg-success",
    pending: "text-bg-warning",
    closed: "text-bg-secondary",
    cancelled: "text-bg-secondary",
};

/**
 * The live dashboard of a wallet: `<widget name="call_wallet_dashboard"/>` on the wallet's form,
 * with `wallet_field="call_wallet_id"` on the form of another record.
 */
export class WalletDashboard extends Component {
    static template = "call_wallet.WalletDashboard";
    static components = { SpendChart, WalletRecipients };
    static props = { ...standardWidgetProps, walletField: { type: String, optional: true } };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        this.state = useState({ data: null, error: "", isLive: true, chosenId: false });
        this.isFinance = false;
        this.money = (amount) => formatMoney(amount, this.data.currency);
        this.exact = (amount) => formatMoney(amount, this.data.currency, { exact: true });
        this.isPositive = (amount) => Number(amount) > 0;
        this.whole = formatWhole;
        this.day = formatDay;
        this.moment = (moment) => formatMoment(moment, this.data.wallet.tz);

        onWillStart(async () => {
            this.isFinance = await user.hasGroup("call_wallet.group_finance");
            await this.load();
        });
        const watch = useWalletChanges(
            () => this.walletId,
            () => this.load(),
            (isLive) => (this.state.isLive = isLive)
        );
        useEffect(
            (walletId) => {
                watch();
                if (walletId !== this.loadedId) {
                    this.load();
                }
            },
            () => [this.walletId]
        );
    }

    // Getters, for the template

    get isOnWallet() {
        return !this.props.walletField;
    }

    get ownId() {
        const { record, walletField } = this.props;
        return (walletField ? record.data[walletField]?.id : record.resId) || false;
    }

    get walletId() {
        const { chosenId, data } = this.state;
        const isKnown = data && [data.wallet, ...data.others].some(({ id }) => id === this.ownId);
        return (isKnown && chosenId) || this.ownId;
    }

    get data() {
        return this.state.data;
    }

    get stateClass() {
        const { state, awaits_first_funds: isNew } = this.data.status;
        return STATE_CLASSES[isNew ? "not_set_up" : state];
    }

    invoiceClass(status) {
        return INVOICE_CLASSES[status] || "text-bg-light";
    }

    /** The zone that the moments are in, as there is room for it. */
    get city() {
        return cityOf(this.data.wallet.tz);
    }

    get hasFunds() {
        return Number(this.data.amounts.balance) !== 0;
    }

    get hasSpent() {
        return this.data.spend.series.some(({ calls }) => calls);
    }

    get period() {
        const { days, is_recent } = this.data.spend;
        const style = is_recent ? "short" : "medium";
        return `${formatDay(days[0], style)} – ${formatDay(days.at(-1), style)}`;
    }

    /** Return a campaign's spend in percent of the most expensive campaign's, for the length of its bar. */
    share(campaign) {
        const most = Number(this.data.campaigns[0].amount);
        return most ? Math.round((100 * Number(campaign.amount)) / most) : 0;
    }

    // Actions

    async load() {
        const walletId = this.walletId;
        this.loadedId = walletId;
        if (!walletId) {
            this.state.data = null;
            return;
        }
        try {
            const data = await this.keepLast.add(this.orm.silent.call("call.wallet", "dashboard_data", [[walletId]]));
            Object.assign(this.state, { data, error: "" });
        } catch (error) {
            // An error must not break the form around the panel: show it, and keep the last data.
            this.state.error = error.data?.message || error.message;
            return;
        }
        await this.refreshForm();
    }

    /** Reload the form where it is out of date: its buttons depend on the wallet's status. */
    async refreshForm() {
        const { record } = this.props;
        if (!this.isOnWallet || record.resId !== this.data.wallet.id) {
            return;
        }
        const { status, amounts } = this.data;
        const isStale =
            record.data.state !== status.state ||
            record.data.is_paused_by_hand !== status.is_paused_by_hand ||
            record.data.balance !== Number(amounts.balance);
        if (isStale && !(await record.isDirty())) {
            await record.load();
        }
    }

    async onRecipientsSaved() {
        await this.load();
        if (this.isOnWallet && !(await this.props.record.isDirty())) {
            await this.props.record.load();
        }
    }

    choose(walletId) {
        this.state.chosenId = walletId;
    }

    open(xmlid) {
        const id = this.walletId;
        return this.action.doAction(`call_wallet.${xmlid}`, {
            additionalContext: {
                active_model: "call.wallet",
                active_id: id,
                active_ids: [id],
                default_wallet_id: id,
            },
            onClose: () => this.load(),
        });
    }

    openWallet() {
        return this.openRecord("call.wallet", this.walletId);
    }

    openRecord(resModel, resId) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: resModel,
            res_id: resId,
            views: [[false, "form"]],
        });
    }

    openTransactions() {
        return this.run("action_open_transactions");
    }

    downloadInvoice(invoiceId) {
        return this.run("download_invoice", invoiceId);
    }

    async run(method, ...args) {
        const action = await this.orm.call("call.wallet", method, [[this.walletId], ...args]);
        return this.action.doAction(action);
    }
}

registry.category("view_widgets").add("call_wallet_dashboard", {
    component: WalletDashboard,
    additionalClasses: ["w-100"],
    extractProps: ({ attrs }) => ({ walletField: attrs.wallet_field }),
    fieldDependencies: ({ attrs }) =>
        attrs.wallet_field
            ? [{ name: attrs.wallet_field, type: "many2one" }]
            : [
                  { name: "state", type: "selection" },
                  { name: "is_paused_by_hand", type: "boolean" },
                  { name: "balance", type: "float" },
              ],
});
