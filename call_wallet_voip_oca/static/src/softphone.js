import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { markRaw, toRaw } from "@odoo/owl";

const TICK_MS = 200;
const SECOND_MS = 1000;
// The server hears this often that the call goes on; a call that never ends is charged for what it has heard.
const HEARD_MS = 30000;
// Cut this long before what is held ends. The clock of a page that is not shown ticks once a second.
const CUT_MS = 300;
const CUT_HIDDEN_MS = 1200;
// Another tab's call has to be in its hands before anybody takes it for lost.
const LOST_AFTER_MS = 2000;
const BUSY = [486, 600, 603];
const NO_ANSWER = [408, 480];

/**
 * Dials by OCA's softphone what the wallet has allowed, and follows the call: its answer starts the clock, it is cut
 * when what is held ends, and its end is recorded, whoever hangs up.
 *
 * The call goes on in one tab. That tab holds a lock as long as it lives, so the others learn when it is gone: the
 * first of them ends the call, for as long as it was last heard. Where no page of the user's is left, the server does.
 */
export class Softphone {
    constructor({ "call_wallet.call": calls, voip_agent_oca: agent, voip_oca: voip, orm, notification }) {
        Object.assign(this, { calls, agent, voip, orm, notification });
        // The agent is reactive, and would wrap this and the session in it.
        markRaw(this);
        this.forget();
        calls.softphone = this;
        agent.wallet = this;
        browser.addEventListener("pagehide", () => this.leave());
        browser.addEventListener("beforeunload", (ev) => this.session && ev.preventDefault());
        calls.changes.addEventListener("changed", () => this.watchOthers());
        this.watchOthers();
    }

    forget() {
        browser.clearInterval(this.ticking);
        Object.assign(this, { call: null, session: null, isNoticed: false, code: 0, answeredAt: 0, endedAt: 0 });
    }

    // === MAY IT BE DIALLED === #

    takes(type) {
        return type === "live" && Boolean(this.agent.agent);
    }

    hindrance() {
        const isBusy = this.agent.session && this.agent.session.state !== window.SIP.SessionState.Terminated;
        if (isBusy || this.session) {
            return _t("End the current call first.");
        }
        if (this.voip.status !== "connected") {
            return _t("The softphone is not connected to the telephone system. Try again in a moment.");
        }
        return "";
    }

    /** Return whether a call to this number is charged to a wallet. */
    async pays(number) {
        if (!this.calls.state.wallet || this.isExtension(number)) {
            return false;
        }
        this.answer = await this.calls.check(number);
        return Boolean(this.answer);
    }

    isExtension(number) {
        return /^\d+$/.test(number.trim()) && number.trim().length <= (this.voip.call_wallet_extension_digits || 0);
    }

    /** Ask the wallet for a call that the softphone wants to start. */
    async ask(number, partner) {
        if (this.calls.state.call) {
            this.notification.add(_t("End the current call first."), { type: "warning" });
            return;
        }
        const { currency } = this.answer;
        this.partner = partner;
        try {
            await this.calls.dial({ type: "live", number, name: partner?.name || undefined, currency });
        } finally {
            this.partner = undefined;
        }
    }

    /** Return why a call may not be transferred; empty where it may. */
    transferRefusal(number) {
        if (!this.calls.state.wallet || this.voip.mode !== "prod") {
            return "";
        }
        if (this.session) {
            return _t("This call cannot be transferred: nobody would end it when its funds are used up.");
        }
        return this.isExtension(number)
            ? ""
            : _t("Calls can be transferred to internal extensions only: nobody would charge for another call.");
    }

    // === A CALL === #

    /** Dial what the wallet has allowed; once it is under way, `onState` follows it. */
    async dial(call) {
        this.call = call;
        this.holdLock(call.call_ref);
        try {
            await this.agent.dialAllowed({ number: call.number, partner: this.partner });
            this.follow(toRaw(this.agent.session));
        } catch (error) {
            this.agent.stopTone();
            this.finish("failed", 0);
            throw error;
        }
    }

    follow(session) {
        this.session = session;
        session.stateChange.addListener((state) => this.onState(state));
        this.ticking = browser.setInterval(() => this.tick(), TICK_MS);
        this.onState(session.state);
    }

    onState(state) {
        const { Established, Terminating, Terminated } = window.SIP.SessionState;
        if (state === Established && !this.answeredAt) {
            this.answeredAt = this.aliveAt = performance.now();
            this.heardAt = 0;
            this.calls.answered();
        } else if ([Terminating, Terminated].includes(state)) {
            this.endedAt ||= performance.now();
        }
        if (state === Terminated) {
            // The softphone's own listeners hear of a refusal after this one.
            browser.setTimeout(() => this.over());
        }
    }

    rejected(code) {
        if (this.session) {
            this.code = code;
        }
    }

    /** Return for how long it has been talked, in milliseconds. */
    get talked() {
        return this.answeredAt ? (this.endedAt || performance.now()) - this.answeredAt : 0;
    }

    get held() {
        return this.calls.state.call?.held_seconds ?? this.call.held_seconds;
    }

    /** Return the seconds to charge: a second that has begun counts, and a cut that came late is not the wallet's. */
    get seconds() {
        return this.answeredAt ? Math.min(Math.max(Math.ceil(this.talked / SECOND_MS), 1), this.held) : 0;
    }

    get status() {
        if (this.answeredAt) {
            return "completed";
        }
        if (this.session?.isCanceled) {
            return "canceled";
        }
        if (BUSY.includes(this.code)) {
            return "busy";
        }
        return NO_ANSWER.includes(this.code) ? "no_answer" : "failed";
    }

    tick() {
        const call = this.calls.state.call;
        if (call?.isHangUpWanted && !this.endedAt) {
            this.hangUp(call);
        }
        if (!this.answeredAt || this.endedAt) {
            return;
        }
        const margin = document.hidden ? CUT_HIDDEN_MS : CUT_MS;
        if (this.isLost() || this.talked >= this.held * SECOND_MS - margin) {
            this.cut();
            return;
        }
        browser.localStorage.setItem(this.heardKey(this.call), this.seconds);
        if (!this.heardAt || this.talked - this.heardAt >= HEARD_MS) {
            this.heardAt = this.talked;
            // Where the server cannot be reached, it will hear of the call at its end.
            this.orm.silent.call("voip.call", "hear_wallet_call", [this.call.call_ref, this.seconds]).catch(() => {});
        }
    }

    /** Tell whether nothing can be heard any more: nobody could then say that the other side has hung up. */
    isLost() {
        const state = this.session.sessionDescriptionHandler?.peerConnection?.connectionState;
        if (state === "failed") {
            // It ended when the connection broke off, not when the browser gave it up.
            this.endedAt = this.aliveAt;
            return true;
        }
        if (state !== "disconnected") {
            this.aliveAt = performance.now();
        }
        return false;
    }

    hangUp(call) {
        if (this.call?.call_ref !== call.call_ref || !this.session) {
            this.calls.askToHangUp();
            return;
        }
        if (!this.endedAt) {
            this.cut();
        }
    }

    cut() {
        if (toRaw(this.agent.session) === this.session) {
            this.agent.hangup();
        } else {
            this.endSession();
        }
    }

    endSession() {
        const isTalking = this.session.state === window.SIP.SessionState.Established;
        (isTalking ? this.session.bye() : this.session.cancel()).catch(() => {});
    }

    async over() {
        if (!this.session) {
            return;
        }
        if (!this.isNoticed && !this.code && toRaw(this.agent.session) === this.session) {
            // Such as a microphone that may not be used: the softphone shows a call that there is not.
            this.agent._onHanghup();
        }
        await this.finish(this.status, this.seconds);
    }

    async finish(status, seconds) {
        const call = this.call;
        this.forget();
        try {
            await this.calls.end(status, seconds);
        } finally {
            browser.localStorage.removeItem(this.heardKey(call));
            this.freeLock?.();
        }
    }

    // === A PAGE THAT GOES, AND WHAT IT LEAVES === #

    /** End the call with the page: what happens after this is not heard any more. */
    leave() {
        if (!this.session) {
            return;
        }
        const { call } = this;
        this.endedAt ||= performance.now();
        const [status, seconds] = [this.status, this.seconds];
        this.calls.noteEnd(status, seconds);
        this.endSession();
        const params = { model: "call.button", method: "end_call", args: [call.call_ref, seconds, status], kwargs: {} };
        browser.fetch("/web/dataset/call_kw/call.button/end_call", {
            method: "POST",
            keepalive: true,
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ jsonrpc: "2.0", method: "call", params }),
        });
        this.forget();
    }

    heardKey({ call_ref: ref }) {
        return `call_wallet.heard.${ref}`;
    }

    lockOf(ref) {
        return `call_wallet.softphone.${ref}`;
    }

    holdLock(ref) {
        const free = new Promise((resolve) => (this.freeLock = resolve));
        navigator.locks.request(this.lockOf(ref), () => free).catch(() => {});
    }

    /** Wait for the end of the tab in which a call goes on that is not this one's. */
    watchOthers() {
        const call = this.calls.state.call;
        if (!call?.isSoftphone || [this.call?.call_ref, this.watched].includes(call.call_ref)) {
            return;
        }
        this.watched = call.call_ref;
        browser.setTimeout(() => {
            if (this.call?.call_ref !== call.call_ref) {
                navigator.locks.request(this.lockOf(call.call_ref), () => this.inherit(call.call_ref));
            }
        }, LOST_AFTER_MS);
    }

    /** End a call whose tab is gone, as it noted, or for as long as it was heard. */
    async inherit(ref) {
        this.calls.load();
        const call = this.calls.state.call;
        if (call?.call_ref !== ref) {
            return;
        }
        const heard = Number(browser.localStorage.getItem(this.heardKey(call)) || 0);
        const seconds = call.startedHere ? Math.max(heard, 1) : 0;
        await this.calls.end(call.startedHere ? "completed" : "failed", seconds);
        browser.localStorage.removeItem(this.heardKey(call));
    }
}

export const softphoneService = {
    dependencies: ["call_wallet.call", "voip_agent_oca", "voip_oca", "orm", "notification"],
    start: (env, services) => new Softphone(services),
};

registry.category("services").add("call_wallet_voip_oca.softphone", softphoneService);
