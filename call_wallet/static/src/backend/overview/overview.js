import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";

import { SpendChart } from "@call_wallet/common/dashboard/spend_chart";
import { formatDay, formatMoney, formatWhole } from "@call_wallet/common/money";
import { useOverviewChanges } from "./overview_changes";

// A figure so many times as large as before is said to be that, and no percentage; beyond the other one, not even that.
const MANY_TIMES = 5;
const TOO_MANY_TIMES = 100;

/** The app's first page: the money of all wallets, those that need somebody, and the work that waits. */
export class Overview extends Component {
    static template = "call_wallet.Overview";
    static components = { Layout, SpendChart };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.waitingWork = useService("call_wallet_waiting_work");
        this.keepLast = new KeepLast();
        this.keepLastBooks = new KeepLast();
        this.state = useState({ data: null, books: null, error: "", currencyId: false });
        this.money = formatMoney;
        this.whole = formatWhole;
        this.isPositive = (amount) => Number(amount) > 0;
        this.date = (day) => formatDay(day, "medium");
        onWillStart(() => this.load());
        useOverviewChanges(() => this.load());
    }

    // Getters, for the template

    get data() {
        return this.state.data;
    }

    get isEmpty() {
        return !this.data.money.length;
    }

    get progress() {
        const steps = this.data.set_up;
        return _t("%(done)s of %(all)s done", { done: steps.filter((step) => step.is_done).length, all: steps.length });
    }

    get noSpend() {
        return _t("No calls were charged in %s in the last 30 days.", this.chosen.currency.name);
    }

    /** The steps, each with what it says; the first that is open is the next one. */
    get steps() {
        const next = this.data.set_up.find((step) => !step.is_done);
        return this.data.set_up.map((step) => ({ ...step, ...this.stepTexts[step.name], isNext: step === next }));
    }

    get stepTexts() {
        return {
            accounts: {
                title: _t("Accounts and journal"),
                help: _t("Where deposits and revenue are booked"),
                button: _t("Open Settings"),
            },
            prices: {
                title: _t("Prices"),
                help: _t("A rate plan with its rates, typed or imported"),
                button: _t("Add Prices"),
            },
            payments: {
                title: _t("Ways to pay"),
                help: _t("Cards or bank transfers, for customers to pay their top-ups"),
                button: _t("Choose Providers"),
            },
            platform: {
                title: _t("Calls come in"),
                help: _t("An API key for your platform, or a call source"),
                button: _t("Connect"),
            },
            wallet: {
                title: _t("First wallet"),
                help: _t("A customer, and who is told when the balance is low"),
                button: _t("New Wallet"),
            },
            funds: { title: _t("First top-up"), help: _t("Ordered, invoiced and paid"), button: _t("Add Balance") },
            call: { title: _t("First call"), help: _t("It is charged as soon as it is reported"), button: "" },
        };
    }

    /** The cards' figures: of each currency a line, and what is said below it. */
    get cards() {
        const { money, is_finance: isFinance } = this.data;
        const line = (entry, amount, extra) => ({ currency: entry.currency, amount, ...extra });
        const compared = (name) => money.map((entry) => line(entry, entry[name].now, { before: entry[name].before }));
        const cards = [
            {
                name: "used",
                title: _t("Usage this month"),
                lines: compared("used"),
                open: () => this.open("call_wallet.action_call_wallet_day"),
            },
            {
                name: "received",
                title: _t("Top-ups received this month"),
                lines: compared("received"),
                open: () => this.open("call_wallet.action_call_wallet_topup"),
            },
            {
                name: "awaited",
                title: _t("Top-ups awaited"),
                lines: money.map((entry) =>
                    line(entry, entry.awaited.amount, { note: this.orders(entry.awaited.count) })
                ),
                open: () => this.open("call_wallet.action_call_wallet_topup", ["pending"]),
            },
        ];
        if (!isFinance) {
            return cards;
        }
        const owed = {
            name: "owed",
            title: _t("Owed to customers"),
            lines: money.map((entry) =>
                line(entry, entry.owed, {
                    note: this.isPositive(entry.overdrawn)
                        ? _t("%s owed by customers", this.money(entry.overdrawn, entry.currency))
                        : this.wallets(entry.wallets),
                })
            ),
            open: () => this.open("call_wallet.action_call_wallet", ["group_currency"]),
        };
        const income = {
            name: "income",
            title: _t("Income this month"),
            help: _t("Usage less what was given back for calls"),
            lines: compared("income"),
            open: () => this.open("call_wallet.action_call_wallet_day"),
        };
        return [owed, cards[0], income, ...cards.slice(1)];
    }

    orders(count) {
        if (!count) {
            return _t("None");
        }
        return count === 1 ? _t("1 order") : _t("%s orders", this.whole(count));
    }

    wallets(count) {
        return count === 1 ? _t("1 wallet") : _t("%s wallets", this.whole(count));
    }

    /** Return by how much a figure differs from that of the same days of the month before; null where there was none. */
    change({ amount, before, currency }) {
        if (!this.isPositive(before)) {
            return null;
        }
        const times = Number(amount) / Number(before);
        const percent = Math.round(100 * (times - 1));
        const icon = percent > 0 ? "fa-caret-up" : percent < 0 ? "fa-caret-down" : "fa-minus";
        const was = this.money(before, currency);
        if (times >= MANY_TIMES) {
            // From next to nothing: how many hundred times it is tells nobody anything.
            const text =
                times < TOO_MANY_TIMES
                    ? _t("%(times)s times as much as before (%(before)s)", {
                          times: this.whole(Math.round(times)),
                          before: was,
                      })
                    : _t("from %s", was);
            return { icon, text };
        }
        const change = `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${this.whole(Math.abs(percent))} %`;
        return { icon, text: _t("%(change)s from %(before)s", { change, before: was }) };
    }

    get chosen() {
        const { money } = this.data;
        return money.find(({ currency }) => currency.id === this.state.currencyId) || money[0];
    }

    get hasSpend() {
        return this.chosen.spend.series.some(({ amounts }) => amounts.some((amount) => Number(amount)));
    }

    get riskKinds() {
        const labels = {
            used_up: _t("Used up"),
            running_low: _t("Below the threshold"),
            runs_out_soon: _t("Runs out within %s days", this.data.soon_days),
            auto_topup_stopped: _t("Automatic top-up stopped"),
        };
        const { counts } = this.data.risks;
        return Object.entries(labels)
            .filter(([name]) => counts[name])
            .map(([name, label]) => ({ name, label, count: counts[name] }));
    }

    riskLabel({ risk, runs_out_on: day }) {
        if (risk === "used_up") {
            return _t("Used up");
        }
        return day ? _t("Runs out %s", formatDay(day, "short")) : _t("Below the threshold");
    }

    get workLabels() {
        return {
            waiting: _t("Waiting for you"),
            rejected: _t("Rejected calls"),
            sources: _t("Calls of Call Sources"),
            refunds: _t("Refunds to approve"),
            disputes: _t("Open disputes"),
            transfers: _t("Transfers to match"),
        };
    }

    countText({ count, most }) {
        return count >= most ? `${this.whole(most)}+` : this.whole(count);
    }

    postingText({ state, day }) {
        if (state === "stopped") {
            return _t("Posting has stopped");
        }
        return _t("Posted up to %s", this.date(day));
    }

    proofText({ day }) {
        return _t("Wallets and general ledger, %s", this.date(day));
    }

    agreementText({ wallets, differing, unfunded }) {
        if (differing) {
            return differing === 1 ? _t("1 wallet differs") : _t("%s wallets differ", this.whole(differing));
        }
        if (unfunded) {
            return _t("Settled without funds: %s", this.wallets(unfunded));
        }
        return _t("No difference, %s", this.wallets(wallets));
    }

    // Actions

    async load() {
        try {
            const data = await this.keepLast.add(this.orm.silent.call("call.wallet.overview", "overview", []));
            Object.assign(this.state, { data, error: "" });
            this.waitingWork.show(data.work);
        } catch (error) {
            // Keep what was shown before.
            this.state.error = error.data?.message || error.message;
            return;
        }
        this.loadBooks();
    }

    /** The proof of the books takes longer than the rest, and changes with the day: it comes by itself, once. */
    async loadBooks() {
        if (this.state.books || !this.data.is_finance || this.isEmpty) {
            return;
        }
        const books = this.orm.silent.call("call.wallet.overview", "books", []);
        this.state.books = await this.keepLastBooks.add(books).catch(() => null);
    }

    /** Open an action; where search filters are named, its list is narrowed to these instead of its own. */
    async open(name, filters = []) {
        if (!filters.length) {
            return this.action.doAction(name);
        }
        const action = await this.action.loadAction(name);
        const context = Object.fromEntries(filters.map((filter) => [`search_default_${filter}`, 1]));
        return this.action.doAction({ ...action, context });
    }

    openWallet(id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "call.wallet",
            res_id: id,
            views: [[false, "form"]],
        });
    }

    addBalance(id) {
        return this.action.doAction("call_wallet.action_call_wallet_topup_wizard", {
            additionalContext: { active_model: "call.wallet", active_id: id, active_ids: [id], default_wallet_id: id },
            onClose: () => this.load(),
        });
    }

    async sendPaymentLink(topupId) {
        const action = await this.orm.call("call.wallet.topup", "action_send_invoice", [[topupId]]);
        return this.action.doAction(action, { onClose: () => this.load() });
    }

    openReconciliation({ company, reconciliation }) {
        return this.action.doAction("call_wallet.action_call_wallet_reconciliation", {
            props: { state: { date: reconciliation.day, company, onlyDifferences: Boolean(reconciliation.differing) } },
        });
    }
}

registry.category("actions").add("call_wallet_overview", Overview);
