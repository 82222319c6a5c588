import { _t } from "@web/core/l10n/translation";
import { serializeDate, deserializeDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { download } from "@web/core/network/download";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { DateTimeInput } from "@web/core/datetime/datetime_input";
import { useSetupAction } from "@web/search/action_hook";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";

import { formatDay, formatMoney, formatPlain, formatWhole, placesOf } from "@call_wallet/common/money";
import { ReconciliationChart } from "./reconciliation_chart";

const PAGE = 50;

/** What should be zero. */
const WRONG = ["unexplained", "unexplained_value", "settled_without_funds"];

/** Shows for each wallet the roll-forward of a month up to a day, and whether the general ledger agrees on that day. */
export class Reconciliation extends Component {
    static template = "call_wallet.Reconciliation";
    static components = { DateTimeInput, Layout, ReconciliationChart };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        const { date = false, company = false, onlyDifferences = false, search = "" } = this.props.state || {};
        this.state = useState({ data: null, error: "", loading: false, onlyDifferences, search, pages: {} });
        this.whole = formatWhole;
        this.money = formatMoney;
        this.isZero = (amount) => Number(amount) === 0;
        useSetupAction({
            getLocalState: () => ({
                date: this.data?.date,
                company: this.data?.company,
                onlyDifferences: this.state.onlyDifferences,
                search: this.state.search,
            }),
        });
        onWillStart(() => this.load(date, company));
    }

    // Getters, for the template

    get data() {
        return this.state.data;
    }

    get day() {
        return deserializeDate(this.data.date);
    }

    get dayText() {
        return formatDay(this.data.date, "long");
    }

    /** One sentence, because its parts cannot be translated by themselves. */
    get agreement() {
        return _t("All %(count)s wallets agree with the general ledger on %(day)s.", {
            count: this.whole(this.data.wallets),
            day: this.dayText,
        });
    }

    get month() {
        return formatDay(this.data.date, "month");
    }

    get isLate() {
        return this.data.sections.some(({ total }) => !this.isZero(total.unposted) || !this.isZero(total.posted_later));
    }

    columns(section) {
        return section.shows_values ? [...this.amountColumns, ...this.valueColumns] : this.amountColumns;
    }

    /** What the figures are worth in the company's currency, in which a trial balance is kept. */
    get valueColumns() {
        const drills = this.data.sees_entries;
        const { name } = this.data.books.currency;
        return [
            {
                name: "ledger_value",
                label: _t("General ledger, %s", name),
                drills,
                isLevel: true,
                isValue: true,
                help: _t("What the items on the deposit account are worth in the company's currency"),
            },
            {
                name: "expected_value",
                label: _t("Expected, %s", name),
                isValue: true,
                help: _t("What invoices, credit notes and posted entries are worth at their rates"),
            },
            {
                name: "unexplained_value",
                label: _t("Unexplained, %s", name),
                drills,
                isLevel: true,
                isValue: true,
                help: _t("Should be zero: open it to see the entries that differ"),
            },
        ];
    }

    /** The columns' names where a phone shows them beside their figures. */
    get trialLabels() {
        return {
            balance: _t("Credit balance"),
            expected: _t("Expected"),
            difference: _t("Difference"),
            ledger: _t("General ledger"),
        };
    }

    get amountColumns() {
        const seesEntries = this.data.sees_entries;
        return [
            { name: "opening", label: _t("Opening"), drills: true, help: _t("Balance at the start of the month") },
            { name: "added", label: _t("Added"), drills: true, help: _t("Payments received on top-ups") },
            { name: "used", label: _t("Used"), drills: true, help: _t("Charged for calls") },
            { name: "refunded", label: _t("Refunded"), drills: true, help: _t("Returned to the wallet") },
            { name: "reversed", label: _t("Reversed"), drills: true, help: _t("Payments taken back, and breakage") },
            {
                name: "closing",
                label: _t("Closing"),
                drills: true,
                isLevel: true,
                help: _t("Balance at the end of the day"),
            },
            {
                name: "awaiting_payment",
                label: _t("Awaiting payment"),
                drills: true,
                help: _t("Invoiced and not credited, net of tax. Negative: credited before its invoice's date"),
            },
            {
                name: "settled_without_funds",
                label: _t("Settled without funds"),
                drills: true,
                help: _t(
                    "Settled on the invoice by something that is no money, such as a write-off. Should be zero: open it to decide"
                ),
            },
            {
                name: "not_posted",
                label: _t("Not posted"),
                drills: true,
                help: _t(
                    "Used up to this day and not in a journal entry of this day or before; less what is in one and was charged later"
                ),
            },
            {
                name: "remainder",
                label: _t("Remainder"),
                drills: seesEntries,
                help: _t("What journal entries were rounded by"),
            },
            {
                name: "general_ledger",
                label: _t("General ledger"),
                drills: seesEntries,
                isLevel: true,
                help: _t("Credit balance on the deposit account"),
            },
            {
                name: "unexplained",
                label: _t("Unexplained"),
                drills: seesEntries,
                isLevel: true,
                help: _t("Should be zero: open it to see the entries that differ"),
            },
        ];
    }

    /** Return the wallets of a section that pass the filters. */
    shown(section) {
        const words = this.state.search.trim().toLowerCase();
        return section.wallets.filter(
            (wallet) =>
                (!this.state.onlyDifferences || WRONG.some((name) => !this.isZero(wallet[name]))) &&
                (!words || `${wallet.account} ${wallet.customer}`.toLowerCase().includes(words))
        );
    }

    pageOf(section) {
        const last = Math.max(0, Math.ceil(this.shown(section).length / PAGE) - 1);
        return Math.min(this.state.pages[section.currency.id] || 0, last);
    }

    rows(section) {
        const first = this.pageOf(section) * PAGE;
        return this.shown(section).slice(first, first + PAGE);
    }

    extent(section) {
        const first = this.pageOf(section) * PAGE;
        const count = this.shown(section).length;
        return { first: first + 1, last: Math.min(first + PAGE, count), count, isPaged: count > PAGE };
    }

    turn(section, by) {
        this.state.pages[section.currency.id] = Math.max(0, this.pageOf(section) + by);
    }

    differs(wallet) {
        return !this.isZero(wallet.unexplained) || !this.isZero(wallet.unexplained_value);
    }

    amount(value, section, column = {}) {
        const currency = column.isValue ? this.data.books.currency : section.currency;
        return formatPlain(value, {
            decimal_places: Math.max(currency.decimal_places, this.placesOf(section, column)),
        });
    }

    /** Return how many decimal places a column needs: all its figures have as many, or they do not stand in line. */
    placesOf(section, { name }) {
        const unassigned = name === "general_ledger" ? section.unassigned : "";
        const figures = [...section.wallets, section.total].map((row) => row[name]);
        return Math.max(0, ...[...figures, unassigned].map((figure) => placesOf(figure || "")));
    }

    inBooks(value) {
        return formatPlain(value, this.data.books.currency);
    }

    hint(column, row) {
        if (column.name === "not_posted") {
            const places = { decimal_places: 2 };
            const parts = [];
            if (!this.isZero(row.posted_later)) {
                parts.push(_t("In entries of later days: %s", formatPlain(row.posted_later, places)));
            }
            if (!this.isZero(row.posted_earlier)) {
                parts.push(
                    _t("Calls charged later, in entries of their day: -%s", formatPlain(row.posted_earlier, places))
                );
            }
            return parts.join("\n") || column.help;
        }
        return column.help;
    }

    cellClass(column, row) {
        return {
            "fw-bold": column.isLevel,
            "text-danger fw-bold": WRONG.includes(column.name) && !this.isZero(row[column.name]),
            "text-muted": this.isZero(row[column.name]),
            o_call_wallet_zero: this.isZero(row[column.name]) && !column.isLevel,
            o_call_wallet_proof: this.startsGroup(column),
        };
    }

    startsGroup(column) {
        return ["awaiting_payment", "ledger_value"].includes(column.name);
    }

    // Actions

    async load(date = this.data?.date, company = this.data?.company) {
        this.state.loading = true;
        try {
            const data = await this.keepLast.add(
                this.orm.call("call.wallet", "reconciliation_screen", [], { date, company })
            );
            Object.assign(this.state, { data, error: "" });
        } catch (error) {
            this.state.error = error.data?.message || error.message;
        } finally {
            this.state.loading = false;
        }
    }

    onDate(day) {
        if (day) {
            this.load(serializeDate(day));
        }
    }

    /** Go to the last day of another month, counted from the one shown. */
    step(months) {
        return this.load(serializeDate(this.day.startOf("month").plus({ months }).endOf("month")));
    }

    onCompany(event) {
        return this.load(this.data.date, Number(event.target.value));
    }

    async open(figure, walletIds) {
        const action = await this.orm.call("call.wallet", "open_reconciled", [walletIds, figure, this.data.date]);
        return this.action.doAction(action);
    }

    openTotal(figure, section) {
        return this.open(
            figure,
            section.wallets.map(({ id }) => id)
        );
    }

    async openUnassigned(section) {
        const { date, company } = this.data;
        const action = await this.orm.call("call.wallet", "open_unassigned", [date, company, section.currency.id]);
        return this.action.doAction(action);
    }

    postNow() {
        const { date, company } = this.data;
        return this.action.doAction("call_wallet.action_call_wallet_post_now", {
            additionalContext: { default_date_to: date, default_company_ids: [company] },
        });
    }

    openWallet(id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "call.wallet",
            res_id: id,
            views: [[false, "form"]],
        });
    }

    save(format) {
        const { date, company } = this.data;
        return download({ url: "/call_wallet/reconciliation", data: { date, company, format } });
    }
}

registry.category("actions").add("call_wallet_reconciliation", Reconciliation);
