import { deserializeDate, deserializeDateTime, formatDate, formatDateTime } from "@web/core/l10n/dates";
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
    const number = formatFloat(shown(amount, digits[1]), { digits, minDigits: places || undefined });
    return isolated(
        currency.position === "after" ? `${number}${nbsp}${currency.symbol}` : `${currency.symbol}${nbsp}${number}`
    );
}

/** Return an amount as a number to be shown: what rounds to zero is not below zero. */
function shown(amount, places) {
    const number = Number(amount);
    return Math.abs(number) < 0.5 / 10 ** places ? 0 : number;
}

/** Keep the signs of an amount in their order among words of Arabic or Hebrew (UAX 9: LRI and PDI). */
function isolated(text) {
    return localization.direction === "rtl" ? `\u2066${text}\u2069` : text;
}

/** Return the amount without its currency, as people type it in their language: 1,234.56. */
export function formatPlain(amount, currency) {
    const places = currency.decimal_places;
    return formatFloat(shown(amount, LEDGER_PLACES), { digits: [null, LEDGER_PLACES], minDigits: places || undefined });
}

/** Return how many decimal places an amount has, without zeros at its end: 2 for "1.250000". */
export function placesOf(amount) {
    return amount.replace(/0+$/, "").split(".")[1]?.length || 0;
}

// Blanks and apostrophes only group; the rest says nothing, or is a comma, a full stop or a minus of another script.
const PLAIN = [
    [/[\u200e\u200f\u061c\u202a-\u202c\u2066-\u2069]/g, ""],
    [/[\s\u2009\u202f]/g, " "],
    [/[’‘ʼ´`٬]/g, "'"],
    [/[،，]/g, ","],
    [/．/g, "."],
    [/−/g, "-"],
];
const ARABIC_POINT = "٫";
const LONGEST = 60;
const NUMBER = /^[+-]?[0-9.,' ٫]*[0-9][.,٫]?$/;
const GROUPED = /^[1-9]\d{0,2}((S\d{3})+|(S\d{2})+S\d{3})$/;

/**
 * Return the decimal string that the server takes from an amount as people type it; null where it is none, or can be
 * read in two ways.
 *
 * The rules are those of the server, in `tools/typed.py`. The digits are never read as a float, so the server receives
 * exactly what was typed.
 *
 * @param {string} typed such as "1.234,5" in Spanish or "1,234.5" in English
 * @param {number} [places] how many decimals are usual; with fewer than 3, three digits after a decimal mark are not
 * @returns {string|null} such as "1234.5"
 */
export function parsePlain(typed, places = LEDGER_PLACES) {
    const spelled = normal(typed)
        .replace(/\p{Nd}/gu, asciiDigit)
        .trim();
    if (typed.length > LONGEST || !NUMBER.test(spelled)) {
        return null;
    }
    const sign = spelled[0] === "-" ? "-" : "";
    const digits = spelled.replace(/^[+-]\s*/, "");
    const kinds = digits.replace(/[0-9]/g, "");
    if (!kinds) {
        return sign + digits;
    }
    const mark = kinds.at(-1);
    const at = digits.lastIndexOf(mark);
    const isOne = kinds.split(mark).length === 2;
    const isDecimal =
        `.,${ARABIC_POINT}`.includes(mark) && isOne && (kinds.length === 1 || isGrouped(digits.slice(0, at)));
    const isThousands = mark !== ARABIC_POINT && isGrouped(digits);
    const byLanguage = mark === normal(localization.thousandsSep || "") || !isDecimal;
    if (isThousands && byLanguage) {
        return sign + digits.replace(/[^0-9]/g, "");
    }
    if (!isDecimal || (isThousands && (mark !== normal(localization.decimalPoint) || places < 3))) {
        return null;
    }
    return `${sign}${digits.slice(0, at).replace(/[^0-9]/g, "") || 0}.${digits.slice(at + 1) || 0}`;
}

function normal(text) {
    return PLAIN.reduce((result, [signs, plain]) => result.replace(signs, plain), text);
}

function isGrouped(digits) {
    const kinds = new Set(digits.replace(/[0-9]/g, ""));
    return kinds.size === 1 && GROUPED.test(digits.replaceAll([...kinds][0], "S"));
}

/** Return a decimal digit of any script as an ASCII one: those of a script follow each other from its zero. */
function asciiDigit(digit) {
    const isDigit = (code) => /^\p{Nd}$/u.test(String.fromCodePoint(code));
    const code = digit.codePointAt(0);
    let value = 0;
    while (value < 9 && isDigit(code - value - 1)) {
        value++;
    }
    return String(value);
}

export function formatWhole(number) {
    return formatFloat(Number(number), { digits: [null, 0] });
}

// What of a day is named; in which order and with which signs, each language knows itself.
const DAYS = {
    short: { day: "numeric", month: "short" },
    medium: { day: "numeric", month: "short", year: "numeric" },
    long: { day: "numeric", month: "long", year: "numeric" },
    month: { month: "long", year: "numeric" },
};

/**
 * Format a day of the wallet's time zone, which the server sends as `YYYY-MM-DD`.
 *
 * @param {string} day
 * @param {"short"|"medium"|"long"|"month"} [style] Oct 28; Oct 28, 2026; October 28, 2026; October 2026, each in the
 *     reader's language; without one, in the figures of that language's date format
 */
export function formatDay(day, style) {
    const date = deserializeDate(day);
    return style ? date.toLocaleString(DAYS[style]) : formatDate(date);
}

/**
 * Format a moment in the wallet's time zone, as its owners' pages do on the server: 11/21/2026 15:04.
 *
 * @param {string|import("luxon").DateTime} moment as the server sends it, in UTC, or as a record holds it
 * @param {string} [tz] the reader's own by default
 */
export function formatMoment(moment, tz, { showTime = true, showSeconds = false } = {}) {
    const value = typeof moment === "string" ? deserializeDateTime(moment) : moment;
    const { dateFormat, dateTimeFormat } = localization;
    const format = showSeconds ? dateTimeFormat : dateTimeFormat.replace(/:ss?/, "");
    return formatDateTime(value, { format: showTime ? format : dateFormat, tz });
}
