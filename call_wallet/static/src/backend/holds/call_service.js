import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { batched } from "@web/core/utils/timing";
import { session } from "@web/session";
import { EventBus, reactive } from "@odoo/owl";
import { formatMoney } from "@call_wallet/common/money";
import { CHANGED, WATCH_MS } from "@call_wallet/common/wallet_bus";
import { secondsOf } from "./call_cost";

// Ask for more funds when what is reserved lasts for less than this.
const EXTEND_WITHIN_SECONDS = 60;
const EXTEND_BY_SECONDS = 300;
// After asking for more funds, do not ask again for this long: the panel's clock ticks every second.
const ASK_AGAIN_MS = 20000;
// The changes of a busy wallet within this time are fetched together.
const GATHER_MS = 1000;

/**
 * Keeps the call that this user is making from the web client: one at a time, the same in all tabs, and still there
 * after a reload. The server reserves the funds and records the call; what is kept here is what the panel shows.
 *
 * It also answers the call buttons. The session says whether the current company has a wallet for its own calls;
 * where there is none, nothing is ever asked. The buttons of a page ask together, in one request, and share the
 * answers for as long as one of them is shown.
 *
 * A call is dialled by what opens its address on this machine, which says nothing of the call afterwards: the user says
 * when it ends. An addon with a softphone in the web client sets `softphone` on the service, an object with
 * - `takes(type)`: whether it dials calls of this type for this user;
 * - `hindrance()`: why it cannot dial now, a sentence; empty where it can;
 * - `dial(call)`: dials what the server has allowed. It calls `answered()`, then `end(status, seconds)`;
 * - `hangUp(call)`: ends the call, in whichever tab it goes on.
 */
export const callService = {
    dependencies: ["orm", "bus_service", "notification"],

    start(env, { orm, bus_service: bus, notification }) {
        const key = `call_wallet.call.${user.userId}`;
        const wallet = session.call_wallet_house_wallets?.[user.activeCompany?.id] || false;
        const state = reactive({ call: null, wallet, isEnding: false, isStarting: false });
        const changes = new EventBus();
        // The answers, as promises, by number and country; and the questions that wait for the next request.
        const answers = new Map();
        let questions = [];
        let gathering, renewal;
        let watchers = 0;
        let nextExtension = 0;

        const load = () => {
            try {
                state.call = JSON.parse(browser.localStorage.getItem(key)) || null;
            } catch {
                state.call = null;
            }
        };
        const keep = (call) => {
            if (call) {
                browser.localStorage.setItem(key, JSON.stringify(call));
            } else {
                browser.localStorage.removeItem(key);
            }
            state.call = call;
            changed();
        };
        const changed = () => {
            gathering ??= browser.setTimeout(() => {
                gathering = undefined;
                answers.clear();
                changes.trigger("changed");
            }, GATHER_MS);
        };

        load();
        browser.addEventListener("storage", (ev) => {
            if (ev.key === key) {
                load();
                changed();
            }
        });
        // Messages sent while the connection was lost did not arrive, so ask again.
        bus.addEventListener("BUS:RECONNECT", changed);
        bus.subscribe(CHANGED, ({ ids }) => {
            if (state.wallet && ids.includes(state.wallet)) {
                changed();
            }
        });

        const renew = () => orm.silent.call("call.button", "watch_calls", []).catch(() => {});
        /** Keep the server's messages coming while a button is shown; return what to call when it is gone. */
        function watch() {
            if (!watchers++) {
                // The request that fetched the answer has begun the watch.
                renewal = browser.setInterval(renew, WATCH_MS);
            }
            return () => {
                if (!--watchers) {
                    browser.clearInterval(renewal);
                    // From now on no message says when an answer is out of date.
                    answers.clear();
                }
            };
        }

        /** Send the questions that came together as one request. */
        const ask = batched(async () => {
            const asked = questions;
            questions = [];
            const calls = asked.map(({ number, countryId }) => [number, countryId]);
            try {
                const found = await orm.silent.call("call.button", "check_calls", [calls], { watch: true });
                asked.forEach(({ resolve }, index) => resolve(found[index]));
                state.wallet = found[0] && found[0].wallet;
            } catch (error) {
                asked.forEach(({ about, reject }) => {
                    answers.delete(about);
                    reject(error);
                });
            }
        });

        /**
         * Ask whether a call to this number may start.
         *
         * @returns {Promise<Object|false>} what `check_call` answers; false where there is no wallet to charge it to
         */
        function check(number, countryId = null) {
            if (!state.wallet) {
                return Promise.resolve(false);
            }
            const about = JSON.stringify([number, countryId]);
            if (!answers.has(about)) {
                const answer = new Promise((resolve, reject) => {
                    questions.push({ about, number, countryId, resolve, reject });
                });
                answers.set(about, answer);
                ask();
            }
            return answers.get(about);
        }

        /** Reserve funds, dial, show the panel; where the call is refused, say why. */
        async function dial({ type, number, countryId, name, currency }) {
            if (state.call || state.isStarting) {
                return;
            }
            const softphone = service.softphone?.takes(type) ? service.softphone : null;
            const hindrance = softphone?.hindrance();
            if (hindrance) {
                notification.add(hindrance, { type: "warning" });
                return;
            }
            state.isStarting = true;
            try {
                const ref = crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`.replace("0.", "");
                const verdict = await orm.call("call.button", "start_call", [ref, type, number, countryId || null]);
                if (!verdict.allowed) {
                    notification.add(verdict.message, { type: "warning" });
                    changed();
                    return;
                }
                const startedHere = softphone ? null : Date.now();
                const isSoftphone = Boolean(softphone);
                // What was asked for the call before says nothing of this one.
                nextExtension = 0;
                keep({ ...verdict, type, name, currencyData: currency, startedHere, isSoftphone, warning: "" });
                await (softphone ? softphone.dial(state.call) : open(verdict.uri, type));
            } finally {
                state.isStarting = false;
            }
        }

        function open(uri, type) {
            browser.open(uri, type === "live" ? "_self" : "_blank");
        }

        /** Begin to count a call that a softphone has dialled: it is answered. */
        function answered() {
            keep({ ...state.call, startedHere: Date.now() });
        }

        /** Ask the tab in which a softphone's call goes on to hang up. */
        function askToHangUp() {
            keep({ ...state.call, isHangUpWanted: true });
        }

        /** End a call as its user wants it: a softphone hangs up first, and then says how long it lasted. */
        async function finish(status) {
            const call = state.call;
            if (call?.isSoftphone && call.endedAfter === undefined && service.softphone) {
                return service.softphone.hangUp(call);
            }
            return end(status);
        }

        /** Note how a call ended, without recording it: the page is about to go. */
        function noteEnd(status, seconds) {
            keep({ ...state.call, endedAs: status, endedAfter: seconds });
        }

        /** Reserve more funds before the reserved ones are used up; warn where the balance does not allow it. */
        async function extendIfNeeded() {
            const call = state.call;
            const isOver = state.isEnding || call?.endedAfter !== undefined;
            const isRinging = call?.isSoftphone && !call.startedHere;
            if (!call || isOver || isRinging || Date.now() < nextExtension) {
                return;
            }
            if (secondsOf(call) < call.held_seconds - EXTEND_WITHIN_SECONDS) {
                return;
            }
            nextExtension = Date.now() + ASK_AGAIN_MS;
            try {
                // Counted from the call's start, so that a repeated request holds no more.
                const total = (call.held_seconds || secondsOf(call)) + EXTEND_BY_SECONDS;
                const verdict = await orm.silent.call("call.button", "extend_call", [call.call_ref, total]);
                if (state.call?.call_ref !== call.call_ref) {
                    return;
                }
                const warning = verdict.allowed ? "" : verdict.message;
                keep({ ...state.call, held_seconds: verdict.held_seconds, warning });
            } catch {
                // The server cannot be reached. The call goes on, and is charged when it ends.
            }
        }

        /**
         * Record the call and say what it cost; it stays on the panel until the server has recorded it.
         *
         * @param {string} status as `end_call` takes it
         * @param {number} [seconds] how long it lasted; by default as the panel counted
         */
        async function end(status = "completed", seconds) {
            const call = state.call;
            if (!call || state.isEnding) {
                return;
            }
            state.isEnding = true;
            // Counted only once, so that a second attempt after a failure sends the same.
            call.endedAfter ??= seconds ?? secondsOf(call);
            call.endedAs ??= status;
            const charged = call.endedAs === "completed" ? call.endedAfter : 0;
            try {
                const result = await orm.call("call.button", "end_call", [call.call_ref, charged, call.endedAs]);
                keep(null);
                announce(call, result);
            } catch (error) {
                keep({ ...call, warning: _t("The call is not recorded yet. Try again.") });
                throw error;
            } finally {
                state.isEnding = false;
            }
        }

        function announce(call, { result, reason, billed_minutes: minutes, total_cost: cost }) {
            const isRecorded = ["charged", "duplicate"].includes(result);
            const summary = () =>
                _t("%(number)s: %(minutes)s min, %(cost)s", {
                    number: call.number,
                    minutes: Number(minutes),
                    cost: formatMoney(cost, call.currencyData, { exact: true }),
                });
            notification.add(isRecorded ? summary() : reason, {
                title: isRecorded ? _t("Call recorded") : _t("Call not charged"),
                type: isRecorded ? "success" : "warning",
            });
        }

        const service = {
            softphone: null,
            state,
            changes,
            load,
            watch,
            check,
            dial,
            answered,
            askToHangUp,
            extendIfNeeded,
            finish,
            noteEnd,
            end,
        };
        return service;
    },
};

registry.category("services").add("call_wallet.call", callService);
