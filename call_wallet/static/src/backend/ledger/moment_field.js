import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { exprToBoolean } from "@web/core/utils/strings";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { FIELD_WIDTHS } from "@web/views/list/column_width_hook";
import { Component } from "@odoo/owl";

import { formatMoment } from "@call_wallet/common/money";

const ZONE_WIDTH = 90;

/**
 * Shows a moment in the time zone of the record's wallet, whoever looks: owners read the same hour on their pages.
 * A list whose rows have one zone says it in the column's head; everything else, beside the moment. The field stays a date and time: it is
 * sorted, grouped and exported as Odoo does.
 */
export class WalletMomentField extends Component {
    static template = "call_wallet.WalletMomentField";
    static props = {
        ...standardFieldProps,
        isInList: { type: Boolean, optional: true },
        showTime: { type: Boolean, optional: true },
    };
    static defaultProps = { isInList: false, showTime: true };

    get value() {
        return this.props.record.data[this.props.name];
    }

    get zone() {
        return this.props.record.data.tz || undefined;
    }

    /** The zone as it stands beside the moment: not where the head of the column says it for all. */
    get shownZone() {
        if (!this.zone || !this.props.showTime) {
            return "";
        }
        if (!this.props.isInList) {
            return this.zone;
        }
        return zonesOf(this.props.record.model.root.records || []).size > 1 ? cityOf(this.zone) : "";
    }

    get moment() {
        return formatMoment(this.value, this.zone, { showTime: this.props.showTime });
    }

    get exactly() {
        const moment = formatMoment(this.value, this.zone, { showSeconds: true });
        return [moment, this.zone].filter(Boolean).join(" · ");
    }
}

registry.category("fields").add("call_wallet_moment", {
    component: WalletMomentField,
    displayName: _t("Moment in the wallet's time zone"),
    supportedTypes: ["datetime"],
    isEmpty: (record, name) => !record.data[name],
    extractProps: ({ options, viewType }) => ({
        isInList: viewType === "list",
        showTime: exprToBoolean(options.show_time ?? true),
    }),
    fieldDependencies: [{ name: "tz", type: "selection", readonly: true }],
    listViewWidth: () => FIELD_WIDTHS.numeric_datetime,
});

/** Return a zone as a column's head has room for it: New York. */
export function cityOf(zone) {
    return zone.split("/").at(-1).replaceAll("_", " ");
}

function zonesOf(records) {
    return new Set(records.map(({ data }) => data.tz).filter(Boolean));
}

/** Return the width of a column of moments whose rows have each to say their own zone; undefined where they have not. */
export function zonedWidth(records) {
    return zonesOf(records).size > 1 ? `${FIELD_WIDTHS.numeric_datetime + ZONE_WIDTH}px` : undefined;
}

/** Return a column's label with the time zone that its moments are in: each wallet's own, where there are several. */
export function zonedLabel(label, records) {
    const zones = zonesOf(records);
    if (!zones.size) {
        return label;
    }
    const [zone] = zones;
    return zones.size === 1 ? `${label} (${cityOf(zone)})` : _t("%(label)s (wallet's time)", { label });
}
