import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { listView } from "@web/views/list/list_view";
import { ListRenderer } from "@web/views/list/list_renderer";
import { columnPlaces, formatWalletAmount } from "./amount_field";

/** A list whose totals carry their currency; amounts in several currencies are not added up. */
export class WalletListRenderer extends ListRenderer {
    computeAggregates() {
        const aggregates = super.computeAggregates();
        const currencies = this.shownCurrencies;
        for (const { name, widget } of this.columns) {
            if (widget === "call_wallet_amount" && aggregates[name]) {
                aggregates[name] = this.withCurrency(aggregates[name], currencies, name);
            }
        }
        return aggregates;
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
        const records = list.selection.length ? list.selection : list.records;
        return new Set(records.map((record) => record.data.currency_id?.id).filter(Boolean));
    }
}

registry.category("views").add("call_wallet_list", { ...listView, Renderer: WalletListRenderer });
