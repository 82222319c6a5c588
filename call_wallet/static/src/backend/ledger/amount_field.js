import { registry } from "@web/core/registry";
import { formatMonetary } from "@web/views/fields/formatters";
import { MonetaryField, monetaryField } from "@web/views/fields/monetary/monetary_field";

/** Shows an amount of the ledger with its currency and every decimal place it has, up to 6: $ 1.00, $ 0.0125. */
export const walletAmountField = {
    ...monetaryField,
    component: MonetaryField,
    extractProps: (info, dynamicInfo) => ({
        ...monetaryField.extractProps(info, dynamicInfo),
        useFieldDigits: true,
    }),
};
registry.category("fields").add("call_wallet_amount", walletAmountField);

/** Format a list's totals, below it and of its groups, likewise. */
export function formatWalletAmount(value, options = {}) {
    return formatMonetary(value, { ...options, digits: [20, 6], minDigits: 2 });
}
registry.category("formatters").add("call_wallet_amount", formatWalletAmount);
