import { registry } from "@web/core/registry";
import { formatMonetary } from "@web/views/fields/formatters";
import { MonetaryField, monetaryField } from "@web/views/fields/monetary/monetary_field";

/** An amount of the ledger with its currency and all its places: $ 1.00, $ 0.0125. */
export const walletAmountField = {
    ...monetaryField,
    component: MonetaryField,
    extractProps: (info, dynamicInfo) => ({
        ...monetaryField.extractProps(info, dynamicInfo),
        useFieldDigits: true,
    }),
};
registry.category("fields").add("call_wallet_amount", walletAmountField);

/** Totals under and between the rows of a list. */
export function formatWalletAmount(value, options = {}) {
    return formatMonetary(value, { ...options, digits: [20, 6], minDigits: 2 });
}
registry.category("formatters").add("call_wallet_amount", formatWalletAmount);
