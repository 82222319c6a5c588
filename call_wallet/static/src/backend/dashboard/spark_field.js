import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatMonetary } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";
import { currencyPlaces } from "../ledger/amount_field";

const STEP = 10;
const HEIGHT = 30;
// The line is as thick as this, and must not be cut at the edges.
const EDGE = 1;

/** The spend of a wallet's last days as a line without a scale; nothing where nothing was spent. */
export class SparkField extends Component {
    static template = "call_wallet.SparkField";
    static props = { ...standardFieldProps };

    get amounts() {
        return (this.props.record.data[this.props.name] || []).map((amount) => Math.max(0, Number(amount)));
    }

    get hasSpent() {
        return this.amounts.some((amount) => amount > 0);
    }

    get box() {
        return `0 0 ${(this.amounts.length - 1) * STEP} ${HEIGHT}`;
    }

    /** The line's points, a day each. */
    get points() {
        const most = Math.max(...this.amounts);
        const y = (amount) => EDGE + (HEIGHT - 2 * EDGE) * (1 - amount / most);
        return this.amounts.map((amount, day) => `${day * STEP},${y(amount).toFixed(1)}`).join(" ");
    }

    /** The area below the line. */
    get area() {
        const right = (this.amounts.length - 1) * STEP;
        return `0,${HEIGHT} ${this.points} ${right},${HEIGHT}`;
    }

    get label() {
        const currencyId = this.props.record.data.currency_id?.id;
        const money = (amount) => formatMonetary(amount, { currencyId, digits: [null, currencyPlaces(currencyId)] });
        return _t("Spend of the last %(days)s days: %(total)s, at most %(most)s a day", {
            days: this.amounts.length,
            total: money(this.amounts.reduce((sum, amount) => sum + amount, 0)),
            most: money(Math.max(...this.amounts)),
        });
    }
}

registry.category("fields").add("call_wallet_spark", {
    component: SparkField,
    displayName: _t("Spend of the last days"),
    supportedTypes: ["json"],
    isEmpty: () => false,
    fieldDependencies: [{ name: "currency_id", type: "many2one" }],
});
