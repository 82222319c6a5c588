import { formatDate, deserializeDate, deserializeDateTime, toLocaleDateTimeString } from "@web/core/l10n/dates";
import { formatFloat } from "@web/core/utils/numbers";
import { nbsp } from "@web/core/utils/strings";

const LEDGER_PLACES = 6;

/**
 * The amount with its currency, as the currency is written: $ 1,234.56.
 *
 * @param {string} amount decimal string, as the server sends it
 * @param {{symbol: string, position: string, decimal_places: number}} currency
 * @param {{exact?: boolean}} [options] exact: show all the places the amount has, up to 6
 */
export function formatMoney(amount, currency, { exact = false } = {}) {
    const places = currency.decimal_places;
    const digits = [null, exact ? LEDGER_PLACES : places];
    const number = formatFloat(Number(amount), { digits, minDigits: places || undefined });
    return currency.position === "after"
        ? `${number}${nbsp}${currency.symbol}`
        : `${currency.symbol}${nbsp}${number}`;
}

/** The amount without its currency, as people type it. */
export function formatPlain(amount, currency) {
    const places = currency.decimal_places;
    return formatFloat(Number(amount), { digits: [null, LEDGER_PLACES], minDigits: places || undefined });
}

export function formatWhole(number) {
    return formatFloat(Number(number), { digits: [null, 0] });
}

/** A date of the wallet's time zone, as the server sends it. */
export function formatDay(day, format) {
    return formatDate(deserializeDate(day), { format });
}

/** A moment in UTC, shown in the wallet's time zone. */
export function formatMoment(moment, tz) {
    return toLocaleDateTimeString(deserializeDateTime(moment, { tz }));
}
