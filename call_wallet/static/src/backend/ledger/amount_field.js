import { getCurrency } from "@web/core/currency";
import { localization } from "@web/core/l10n/localization";
import { registry } from "@web/core/registry";
import { nbsp } from "@web/core/utils/strings";
import { formatMonetary } from "@web/views/fields/formatters";
import { MonetaryField, monetaryField } from "@web/views/fields/monetary/monetary_field";
import { InvalidNumberError, parseMonetary } from "@web/views/fields/parsers";
import { parsePlain, placesOf } from "@call_wallet/common/money";

const SIGNS_AROUND = /^[\p{Sc}\p{L}\s]+|[\p{Sc}\p{L}\s]+$/gu;

export const LEDGER_PLACES = 6;
const USUAL_PLACES = 2;

/** Return how many decimal places a currency is paid in: 0 for yen, 3 for Kuwaiti dinars. */
export function currencyPlaces(currencyId) {
    return getCurrency(currencyId)?.digits[1] ?? USUAL_PLACES;
}

/** Return how many decimal places the amounts of a list's column need, so that all of them stand in line. */
export function columnPlaces(records, name) {
    return Math.max(0, ...records.map(({ data }) => placesOf(Number(data[name] || 0).toFixed(LEDGER_PLACES))));
}

/**
 * Shows an amount of the ledger with its currency and every decimal place it has, up to 6: $ 1.00, $ 0.0125. Reads what
 * is typed as our pages do, so that 25.50 is not 2550 where 25,50 is usual; and Odoo's operations.
 */
export class WalletAmountField extends MonetaryField {
    static template = "call_wallet.WalletAmountField";

    get inputOptions() {
        return { ...super.inputOptions, parse: (typed) => this.parse(typed) };
    }

    parse(typed) {
        if (typed.includes("=")) {
            return parseMonetary(typed, { allowOperation: true });
        }
        const bare = typed.replace(SIGNS_AROUND, "");
        const digits = bare ? parsePlain(bare) : "0";
        if (digits === null) {
            throw new InvalidNumberError(`"${typed}" is not a correct number`);
        }
        return Number(digits);
    }

    get formattedValue() {
        const records = this.props.readonly ? this.shownWith : [this.props.record];
        return formatMonetary(this.value, {
            digits: [null, this.placesIn(records, this.currencyId)],
            currencyId: this.currencyId,
            noSymbol: !this.props.readonly || this.props.hideSymbol,
        });
    }

    /** Return how many decimals amounts in a currency are shown with: as it is paid, and more where some have more. */
    placesIn(records, currencyId) {
        const own = records.filter((record) => this.currencyOf(record) === (currencyId || 0));
        return Math.max(currencyPlaces(currencyId), columnPlaces(own, this.props.name));
    }

    /** Return the id of the currency that this field is in on a record; 0 where the record does not say. */
    currencyOf({ data, fields }) {
        const { currencyField, name } = this.props;
        return data[currencyField || fields[name].currency_field || "currency_id"]?.id || 0;
    }

    get room() {
        const ids = [...new Set(this.shownWith.map((record) => this.currencyOf(record)))];
        return roomBehind(this.currencyId || 0, new Map(ids.map((id) => [id, this.placesIn(this.shownWith, id)])));
    }

    /** The records whose amounts stand in line with this one: those of its list, or its own alone. */
    get shownWith() {
        const { column } = this;
        return column.length ? column : [this.props.record];
    }

    /** The records of the list that the amount is shown in, in a view of its own or on a form; none elsewhere. */
    get column() {
        const { record } = this.props;
        const { root } = record.model;
        if (this.env.config?.viewType === "list") {
            return root.records || [];
        }
        const lists = Object.values(root.data || {}).map((value) => value?.records || []);
        return lists.find((records) => records.includes(record)) || [];
    }
}

/**
 * Return what other amounts of a column end with, where those in one currency do not: decimals, and the sign of a
 * currency that has it behind. With so much room behind them the decimal points stand in line.
 *
 * @param {number} currencyId
 * @param {Map<number, number>} places how many decimals the column's amounts have, by currency
 */
export function roomBehind(currencyId, places) {
    const most = Math.max(0, ...places.values());
    const own = places.get(currencyId) || 0;
    const decimals = most > own ? (own ? "" : localization.decimalPoint) + "0".repeat(most - own) : "";
    const isBehind = (id) => getCurrency(id)?.position === "after";
    const signs = isBehind(currencyId) ? [] : [...places.keys()].filter(isBehind).map((id) => getCurrency(id).symbol);
    const [longest] = signs.sort((one, other) => other.length - one.length);
    return decimals + (longest ? nbsp + longest : "");
}

export const walletAmountField = {
    ...monetaryField,
    component: WalletAmountField,
    extractProps: (info, dynamicInfo) => ({
        ...monetaryField.extractProps(info, dynamicInfo),
        useFieldDigits: true,
    }),
};
registry.category("fields").add("call_wallet_amount", walletAmountField);

/** An amount that may be left empty, which is not zero: a limit. While it is, it says so, without a currency. */
export class WalletLimitField extends WalletAmountField {
    static template = "call_wallet.WalletLimitField";

    get currency() {
        const isLeftEmpty = this.value === false && !this.state.value;
        return isLeftEmpty ? null : super.currency;
    }

    parse(typed) {
        return typed.trim() ? super.parse(typed) : false;
    }
}
registry.category("fields").add("call_wallet_limit", { ...walletAmountField, component: WalletLimitField });

/** Shows an amount of the ledger as it is paid: rounded to the decimals of its currency. */
export class WalletMoneyField extends WalletAmountField {
    placesIn(records, currencyId) {
        return currencyPlaces(currencyId);
    }
}
registry.category("fields").add("call_wallet_money", { ...walletAmountField, component: WalletMoneyField });

/** Format amounts outside of a field of theirs likewise, such as a total of Odoo's. */
export function formatWalletAmount(value, { currencyId } = {}) {
    const own = placesOf(Number(value || 0).toFixed(LEDGER_PLACES));
    return formatMonetary(value, { digits: [null, Math.max(currencyPlaces(currencyId), own)], currencyId });
}
registry.category("formatters").add("call_wallet_amount", formatWalletAmount);

export function formatWalletMoney(value, { currencyId } = {}) {
    return formatMonetary(value, { digits: [null, currencyPlaces(currencyId)], currencyId });
}
registry.category("formatters").add("call_wallet_money", formatWalletMoney);
