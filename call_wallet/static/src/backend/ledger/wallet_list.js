import { getCurrency } from "@web/core/currency";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { listView } from "@web/views/list/list_view";
import { ListRenderer } from "@web/views/list/list_renderer";
import { onWillStart, onWillUpdateProps } from "@odoo/owl";
import { formatMonetary } from "@web/views/fields/formatters";
import { placesOf } from "@call_wallet/common/money";
import { LEDGER_PLACES, columnPlaces, currencyPlaces, roomBehind } from "./amount_field";
import { zonedLabel, zonedWidth } from "./moment_field";

const AMOUNTS = ["call_wallet_amount", "call_wallet_money", "monetary"];
/**
 * A list whose totals carry their currency, and whose moments their time zone in the column's head. Amounts in several
 * currencies are not added up: below the list there is a total of each.
 */
export class WalletListRenderer extends ListRenderer {
    static template = "call_wallet.WalletListRenderer";

    setup() {
        super.setup();
        this.orm = useService("orm");
        this.groupTotals = [];
        onWillStart(() => this.readTotals(this.props.list));
        onWillUpdateProps(({ list }) => this.readTotals(list));
    }

    /** Ask for the totals of each group in each currency: groups that are not unfolded do not tell them. */
    async readTotals({ isGrouped, resModel, domain, fields, groupBy }) {
        if (isGrouped && fields.currency_id) {
            const summed = this.summedColumns.filter(({ name }) => fields[name].aggregator === "sum");
            const names = [...new Set(summed.map(({ name }) => `${name}:sum`))];
            const by = [...new Set([groupBy[0], "currency_id"])];
            this.groupTotals = await this.orm.formattedReadGroup(resModel, domain, by, names);
        }
    }

    get summedColumns() {
        return this.props.archInfo.columns.filter(({ widget, attrs }) => AMOUNTS.includes(widget) && attrs?.sum);
    }

    processAllColumn(allColumns, list) {
        return super.processAllColumn(allColumns, list).map((column) =>
            column.widget === "call_wallet_moment"
                ? {
                      ...column,
                      label: zonedLabel(column.label, list.records),
                      attrs: { ...column.attrs, width: zonedWidth(list.records) || column.attrs?.width },
                  }
                : column
        );
    }

    computeAggregates() {
        const aggregates = super.computeAggregates();
        for (const column of this.columns) {
            const { name, widget } = column;
            if (AMOUNTS.includes(widget) && aggregates[name]) {
                const totals = this.totals(column);
                aggregates[name] = { ...aggregates[name], multiCurrency: false, totals };
            }
        }
        return aggregates;
    }

    formatGroupAggregate(group, column) {
        const aggregate = super.formatGroupAggregate(group, column);
        if (!AMOUNTS.includes(column.widget) || !(column.name in group.aggregates)) {
            return aggregate;
        }
        const { list } = this.props;
        const isFirstLevel = list.groupBy.length - group.list.groupBy.length === 1;
        if (isFirstLevel) {
            const own = this.groupTotals.filter((row) => keyOf(row[list.groupBy[0]]) === group.serverValue);
            if (own.length) {
                const value = this.totalsOf(column, own)
                    .map(({ text }) => text)
                    .join("\n");
                return { ...aggregate, multiCurrency: false, value };
            }
        }
        const ids = new Set(this.groupTotals.map((row) => row.currency_id?.[0]).filter(Boolean));
        if (ids.size > 1) {
            const help = _t("Several currencies: group by currency first to see the total of each.");
            return { ...aggregate, multiCurrency: false, help, value: "–" };
        }
        const [id] = ids;
        const row = { currency_id: [id], [`${column.name}:sum`]: group.aggregates[column.name] };
        const [{ text: value }] = this.totalsOf(column, [row]);
        return { ...aggregate, multiCurrency: false, value };
    }

    // Totals

    /** Return a column's totals of each currency: of what is chosen, else of all that the list shows. */
    totals(column) {
        const { list } = this.props;
        if (list.isGrouped && !list.selection.length) {
            return this.totalsOf(column, this.groupTotals);
        }
        const records = list.selection.length ? list.selection : list.records;
        const rows = records.map(({ data }) => ({
            currency_id: data.currency_id && [data.currency_id.id],
            [`${column.name}:sum`]: data[column.name],
        }));
        return this.totalsOf(column, rows);
    }

    /** Add rows of `readTotals` up: one total a currency, in the order of the currencies' names. */
    totalsOf(column, rows) {
        const sums = new Map();
        for (const { currency_id, [`${column.name}:sum`]: amount } of rows) {
            const id = currency_id?.[0];
            sums.set(id, (sums.get(id) || 0) + (amount || 0));
        }
        const nameOf = (id) => getCurrency(id)?.name || "";
        const ids = [...sums.keys()].sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
        const places = new Map(ids.map((id) => [id, this.placesOfTotal(sums.get(id), id, column)]));
        return ids.map((id) => ({
            id: id || 0,
            text: formatMonetary(sums.get(id), { digits: [null, places.get(id)], currencyId: id }),
            room: roomBehind(id, places),
        }));
    }

    placesOfTotal(total, currencyId, { name, widget }) {
        if (widget !== "call_wallet_amount") {
            return currencyPlaces(currencyId);
        }
        const ofOne = this.props.list.records.filter(({ data }) => data.currency_id?.id === currencyId);
        const own = placesOf(total.toFixed(LEDGER_PLACES));
        return Math.max(currencyPlaces(currencyId), columnPlaces(ofOne, name), own);
    }
}

/** Return what a group is known by, of a value by which the server has grouped. */
function keyOf(value) {
    return Array.isArray(value) ? value[0] : value;
}

registry.category("views").add("call_wallet_list", { ...listView, Renderer: WalletListRenderer });
