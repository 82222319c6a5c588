import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";
import { formatDay, formatMoment, formatMoney } from "@call_wallet/common/money";

const ICONS = {
    asked: "fa-hand-o-up",
    terms: "fa-check-square-o",
    invoiced: "fa-file-text-o",
    mailed: "fa-envelope-o",
    tried: "fa-clock-o",
    paid: "fa-money text-success",
    settled: "fa-exclamation-triangle text-warning",
    counted: "fa-gavel",
    credited: "fa-plus-circle text-success",
    disputed: "fa-exclamation-circle text-danger",
    undone: "fa-undo text-danger",
    note: "fa-file-o",
    taken: "fa-minus-circle text-danger",
    sent: "fa-reply",
    released: "fa-gavel",
    cancelled: "fa-ban text-danger",
};

/** The story of top-ups: what happened, in its order, each with its moment, its amount and its document. */
export class TopupStoryField extends Component {
    static template = "call_wallet.TopupStoryField";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
    }

    get stories() {
        return this.props.record.data[this.props.name] || [];
    }

    icon({ kind }) {
        return ICONS[kind];
    }

    money(amount, story) {
        return formatMoney(amount, story.currency, { exact: true });
    }

    /** The moment in the wallet's time zone, or the day where the books know no more. */
    when({ at, day }, story) {
        return at ? formatMoment(at, story.tz) : formatDay(day);
    }

    /** The same for programs: an instant, or a day. */
    machineTime({ at, day }) {
        return at ? `${at.replace(" ", "T")}Z` : day;
    }

    missing(story) {
        const amount = formatMoney(story.missing, story.currency);
        return story.due
            ? _t("%(amount)s is still to be paid, due on %(day)s", { amount, day: formatDay(story.due) })
            : _t("%(amount)s is still to be paid", { amount });
    }

    /** A document that the reader is on already needs no link. */
    isElsewhere({ model, res_id }) {
        const { record } = this.props;
        return model && !(model === record.resModel && res_id === record.resId);
    }

    open({ model, res_id }) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id,
            views: [[false, "form"]],
        });
    }
}

registry.category("fields").add("call_wallet_story", {
    component: TopupStoryField,
    displayName: _t("Story of a top-up"),
    supportedTypes: ["json"],
    isEmpty: () => false,
});
