import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { listView } from "@web/views/list/list_view";
import { ListRenderer } from "@web/views/list/list_renderer";
import { onWillStart, onWillUpdateProps } from "@odoo/owl";
import { columnPlaces, formatWalletAmount } from "./amount_field";
import { zonedLabel } from "./moment_field";

const AMOUNTS = ["call_wallet_amount", "monetary"];
/** Groups of one of these are in one currency. */
const OF_ONE_CURRENCY = ["currency_id", "wallet_id"];

/**
 * A list whose totals carry their currency, and whose moments their time zone in the column's head; amounts in several
 * currencies are not added up.
 */
export class WalletListRenderer extends ListRenderer {
    setup() {
        super.setup();
        this.orm = useService("orm");
        this.groupCurrencies = new Set();
        onWillStart(() => this.readCurrencies(this.props.list));
        onWillUpdateProps(({ list }) => this.readCurrencies(list));
    }

    /** Ask which currencies the records are in, where they are in groups that are not unfolded. */
    async readCurrencies({ isGrouped, resModel, domain, fields }) {
        if (isGrouped && fields.currency_id) {
            const groups = await this.orm.formattedReadGroup(resModel, domain, ["currency_id"], []);
            this.groupCurrencies = new Set(groups.map((group) => group.currency_id?.[0]).filter(Boolean));
        }
    }

    processAllColumn(allColumns, list) {
        return super.processAllColumn(allColumns, list).map((column) =>
            column.widget === "call_wallet_moment"
                ? { ...column, label: zonedLabel(column.label, list.records) }
                : column
        );
    }

    computeAggregates() {
        const aggregates = super.computeAggregates();
        const currencies = this.shownCurrencies;
        for (const { name, widget } of this.columns) {
            if (AMOUNTS.includes(widget) && aggregates[name]) {
                aggregates[name] = this.withCurrency(aggregates[name], currencies, name);
            }
        }
        return aggregates;
    }

    formatGroupAggregate(group, column) {
        const aggregate = super.formatGroupAggregate(group, column);
        if (!AMOUNTS.includes(column.widget) || !(column.name in group.aggregates)) {
            return aggregate;
        }
        const level = this.props.list.groupBy.length - group.list.groupBy.length;
        const isOfOne = this.props.list.groupBy.slice(0, level).some((name) => OF_ONE_CURRENCY.includes(name));
        const rawValue = group.aggregates[column.name];
        if (isOfOne && this.groupCurrencies.size > 1) {
            const [own] = group.groupByField.name === "currency_id" ? [group.value] : [];
            return own ? this.withCurrency({ rawValue }, new Set([own]), column.name) : aggregate;
        }
        return this.withCurrency({ rawValue }, this.groupCurrencies, column.name);
    }

    withCurrency(aggregate, currencies, name) {
        if (currencies.size > 1) {
            const help = _t("Several currencies: filter by one to see its total.");
            return { ...aggregate, help, value: "–" };
        }
        const [currencyId] = currencies;
        const minDigits = Math.max(2, columnPlaces(this.props.list.records, name));
        return { ...aggregate, value: formatWalletAmount(aggregate.rawValue, { currencyId, minDigits }) };
    }

    get shownCurrencies() {
        const { list } = this.props;
        if (list.isGrouped && !list.selection.length) {
            return this.groupCurrencies;
        }
        const records = list.selection.length ? list.selection : list.records;
        return new Set(records.map((record) => record.data.currency_id?.id).filter(Boolean));
    }
}

registry.category("views").add("call_wallet_list", { ...listView, Renderer: WalletListRenderer });
