import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { PivotModel } from "@web/views/pivot/pivot_model";
import { PivotRenderer } from "@web/views/pivot/pivot_renderer";
import { pivotView } from "@web/views/pivot/pivot_view";
import { formatFloat } from "@web/views/fields/formatters";

import { currencyPlaces } from "@call_wallet/backend/ledger/amount_field";

const CURRENCIES = "currency_id:array_agg_distinct";
/** What stands where amounts in several currencies would be added up. */
const SEVERAL = false;

/** Tell whether a measure is an amount of money: all our decimal numbers are, but for minutes. */
function isAmount({ name, type }) {
    return type === "float" && !name.endsWith("minutes");
}

/** A pivot table that adds no amounts up that are in several currencies; within one it does, and shows them as paid. */
export class WalletPivotModel extends PivotModel {
    _getMeasureSpecs(config) {
        const specs = super._getMeasureSpecs(config);
        return config.metaData.fields.currency_id ? [...specs, CURRENCIES] : specs;
    }

    _getMeasurements(group, config) {
        const measurements = super._getMeasurements(group, config);
        if ((group[CURRENCIES] || []).length > 1) {
            for (const name in measurements) {
                if (config.metaData.fields[name] && isAmount(config.metaData.fields[name])) {
                    measurements[name] = SEVERAL;
                }
            }
        }
        return measurements;
    }

    /** Have the currency of each amount known, by which it is shown. */
    _getCurrencyIds(group, config) {
        const ids = super._getCurrencyIds(group, config);
        if (group[CURRENCIES]) {
            for (const name in config.metaData.measures) {
                if (isAmount(config.metaData.measures[name])) {
                    ids[name] = group[CURRENCIES];
                }
            }
        }
        return ids;
    }

    exportData() {
        const data = super.exportData();
        for (const cell of data.rows.flatMap(({ values }) => values)) {
            cell.value = cell.value === SEVERAL ? "–" : cell.value;
        }
        return data;
    }
}

export class WalletPivotRenderer extends PivotRenderer {
    getFormattedValue(cell) {
        if (cell.value === SEVERAL) {
            return { value: "–", help: _t("Several currencies: filter by one, or group by currency.") };
        }
        const measure = this.model.metaData.measures[cell.measure];
        if (isAmount(measure) && cell.currencyIds?.length === 1) {
            // As it is paid: yen have no decimals. What is exported has all places of the ledger.
            return { value: formatFloat(cell.value, { digits: [null, currencyPlaces(cell.currencyIds[0])] }) };
        }
        return super.getFormattedValue(cell);
    }
}

registry.category("views").add("call_wallet_pivot", {
    ...pivotView,
    Model: WalletPivotModel,
    Renderer: WalletPivotRenderer,
});
