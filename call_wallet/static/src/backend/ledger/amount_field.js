import { getCurrency } from "@web/core/currency";
import { registry } from "@web/core/registry";
import { formatMonetary } from "@web/views/fields/formatters";
import { MonetaryField, monetaryField } from "@web/views/fields/monetary/monetary_field";
import { InvalidNumberError, parseMonetary } from "@web/views/fields/parsers";
import { parsePlain, placesOf } from "@call_wallet/common/money";

const SIGNS_AROUND = /^[\p{Sc}\p{L}\s]+|[\p{Sc}\p{L}\s]+$/gu;

const LEDGER_PLACES = 6;

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
        const places = this.props.readonly ? columnPlaces(this.column, this.props.name) : 0;
        if (!places) {
            return super.formattedValue;
        }
        return formatMonetary(this.value, {
            digits: this.currencyDigits,
            minDigits: Math.max(this.props.record.fields[this.props.name].min_display_digits || 0, places),
            currencyId: this.currencyId,
            noSymbol: this.props.hideSymbol,
        });
    }

    /** What other amounts of the column end with, where this one has its currency in front: so that decimals align. */
    get room() {
        if (this.currency?.position === "after") {
            return "";
        }
        const currencies = this.column.map(({ data }) => getCurrency(data.currency_id?.id));
        const signs = currencies.filter((one) => one?.position === "after").map(({ symbol }) => this.nbsp + symbol);
        return signs.sort((one, other) => other.length - one.length)[0] || "";
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

/** Format a list's totals, below it and of its groups, likewise. */
export function formatWalletAmount(value, options = {}) {
    return formatMonetary(value, { ...options, digits: [20, LEDGER_PLACES], minDigits: options.minDigits || 2 });
}
registry.category("formatters").add("call_wallet_amount", formatWalletAmount);
