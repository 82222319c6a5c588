import { formatDate, deserializeDate, deserializeDateTime, toLocaleDateTimeString } from "@web/core/l10n/dates";
import { localization } from "@web/core/l10n/localization";
import { formatFloat } from "@web/core/utils/numbers";
import { nbsp } from "@web/core/utils/strings";

const LEDGER_PLACES = 6;

/**
 * Return the amount with its currency symbol where the currency puts it: $ 1,234.56.
 *
 * Amounts become floats only here and in charts, to be shown; what is sent to the server stays a string.
 *
 * @param {string} amount decimal string, as the server sends it
 * @param {{symbol: string, position: string, decimal_places: number}} currency
 * @param {{exact?: boolean}} [options] exact: show every decimal place that the amount has, up to 6
 */
export function formatMoney(amount, currency, { exact = false } = {}) {
    const places = currency.decimal_places;
    const digits = [null, exact ? LEDGER_PLACES : places];
    const number = formatFloat(Number(amount), { digits, minDigits: places || undefined });
    return currency.position === "after"
        ? `${number}${nbsp}${currency.symbol}`
        : `${currency.symbol}${nbsp}${number}`;
}

/** Return the amount without its currency, as people type it in their language: 1,234.56. */
export function formatPlain(amount, currency) {
    const places = currency.decimal_places;
    return formatFloat(Number(amount), { digits: [null, LEDGER_PLACES], minDigits: places || undefined });
}

/** Return how many decimal places an amount has, without zeros at its end: 2 for "1.250000". */
export function placesOf(amount) {
    return amount.replace(/0+$/, "").split(".")[1]?.length || 0;
}

/**
 * Return the decimal string that the server takes from an amount as people type it; null where it is not one.
 *
 * The digits are never read as a float, so the server receives exactly what was typed. Like Odoo's own fields it
 * also accepts the English way of writing, whatever the user's language is.
 *
 * @param {string} typed such as "1.234,5" in Spanish or "1,234.5" in English
 * @returns {string|null} such as "1234.5"
 */
export function parsePlain(typed) {
    const { thousandsSep, decimalPoint } = localization;
    for (const [separator, point] of [[thousandsSep, decimalPoint], [",", "."]]) {
        const digits = typed.replace(/\s/g, "").replaceAll(separator || "", "").replace(point, ".");
        if (/^-?(\d+\.?\d*|\.\d+)$/.test(digits)) {
            return digits;
        }
    }
    return null;
}

export function formatWhole(number) {
    return formatFloat(Number(number), { digits: [null, 0] });
}

/** Format a day of the wallet's time zone, which the server sends as `YYYY-MM-DD`. */
export function formatDay(day, format) {
    return formatDate(deserializeDate(day), { format });
}

/** Format a moment, which the server sends in UTC, in the wallet's time zone. */
export function formatMoment(moment, tz) {
    return toLocaleDateTimeString(deserializeDateTime(moment, { tz }));
}
