import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { EventBus, reactive } from "@odoo/owl";
import { CHANGED } from "../wallet_changes";
import { secondsOf } from "./call_cost";

// Ask for more while the funds reserved still last this long.
const EXTEND_WITHIN_SECONDS = 60;
const EXTEND_BY_SECONDS = 300;
// Whoever extends in vain need not ask every second.
const ASK_AGAIN_MS = 20000;
// The server speaks only of wallets that were watched in the last two minutes.
const WATCH_MS = 60000;
// Many changes of a busy wallet are one look.
const GATHER_MS = 1000;

/**
 * The call this user is making from the web client, if any: one at a time, in all tabs, and
 * still there after a reload. The server reserves the funds and records the call; what is kept
 * here is what the panel shows.
 */
export const callService = {
    dependencies: ["orm", "bus_service", "notification"],

    start(env, { orm, bus_service: bus, notification }) {
        const key = `call_wallet.call.${user.userId}`;
        const state = reactive({ call: null, wallet: undefined, isEnding: false, isStarting: false });
        const changes = new EventBus();
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
        // What changed while the connection was lost is seen by looking again.
        bus.addEventListener("BUS:RECONNECT", changed);
        bus.subscribe(CHANGED, ({ ids }) => {
            if (state.wallet && ids.includes(state.wallet)) {
                changed();
            }
        });

        const renew = () => orm.silent.call("call.wallet", "watch_calls", []).catch(() => {});
        /** Hear of changes while a button is shown; returns what to call when it is gone. */
        function watch() {
            if (!watchers++) {
                renew();
                renewal = browser.setInterval(renew, WATCH_MS);
            }
            return () => {
                if (!--watchers) {
                    browser.clearInterval(renewal);
                }
            };
        }

        /** May a call to this number start? False where the company has no wallet of its own. */
        async function check(number, countryId) {
            if (state.wallet === false) {
                return false;
            }
            const answer = await orm.silent.call("call.wallet", "check_call", [number, countryId || null]);
            state.wallet = answer && answer.wallet;
            return answer;
        }

        /** Reserve funds, open the dialler, show the panel. The verdict says why when it is refused. */
        async function dial({ type, number, countryId, name, currency }) {
            if (state.call || state.isStarting) {
                return;
            }
            state.isStarting = true;
            try {
                const ref = crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`.replace("0.", "");
                const verdict = await orm.call("call.wallet", "start_call", [ref, type, number, countryId || null]);
                if (!verdict.allowed) {
                    notification.add(verdict.message, { type: "warning" });
                    changed();
                    return;
                }
                keep({ ...verdict, type, name, currencyData: currency, startedHere: Date.now(), warning: "" });
                browser.open(verdict.uri, type === "live" ? "_self" : "_blank");
            } finally {
                state.isStarting = false;
            }
        }

        /** Reserve more before what is reserved is used up; say so where the funds do not allow it. */
        async function extendIfNeeded() {
            const call = state.call;
            if (!call || state.isEnding || Date.now() < nextExtension) {
                return;
            }
            if (secondsOf(call) < call.reserved_seconds - EXTEND_WITHIN_SECONDS) {
                return;
            }
            nextExtension = Date.now() + ASK_AGAIN_MS;
            try {
                const verdict = await orm.silent.call("call.wallet", "extend_call", [call.call_ref, EXTEND_BY_SECONDS]);
                if (state.call?.call_ref !== call.call_ref) {
                    return;
                }
                const warning = verdict.allowed ? "" : verdict.message;
                keep({ ...state.call, reserved_seconds: verdict.reserved_seconds, warning });
            } catch {
                // Not reachable just now: the call goes on and is charged all the same.
            }
        }

        /** Record the call. It stays on the panel until the server has it. */
        async function end(status = "completed") {
            const call = state.call;
            if (!call || state.isEnding) {
                return;
            }
            state.isEnding = true;
            // Counted once: what is sent again after a failure is the same.
            call.endedAfter ??= secondsOf(call);
            const seconds = status === "completed" ? call.endedAfter : 0;
            try {
                const result = await orm.call("call.wallet", "end_call", [call.call_ref, seconds, status]);
                keep(null);
                return { ...result, call };
            } catch (error) {
                keep({ ...call, warning: _t("The call is not recorded yet. Try again.") });
                throw error;
            } finally {
                state.isEnding = false;
            }
        }

        return { state, changes, watch, check, dial, extendIfNeeded, end };
    },
};

registry.category("services").add("call_wallet.call", callService);
