import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatMoney } from "@call_wallet/common/money";
import { Component, onWillUnmount, useState } from "@odoo/owl";
import { clock, costSoFar, secondsOf } from "./call_cost";

const TICK_MS = 1000;

/** Shows the call in progress: with whom, for how long, what it costs so far, and how to end it. */
export class CallPanel extends Component {
    static template = "call_wallet.CallPanel";
    static props = {};

    setup() {
        this.calls = useService("call_wallet.call");
        this.running = useState(this.calls.state);
        this.state = useState({ now: Date.now() });
        const tick = browser.setInterval(() => {
            if (this.running.call) {
                this.state.now = Date.now();
                this.calls.extendIfNeeded();
            }
        }, TICK_MS);
        onWillUnmount(() => browser.clearInterval(tick));
    }

    get call() {
        return this.running.call;
    }

    get seconds() {
        return secondsOf(this.call, this.state.now);
    }

    get time() {
        return this.isRinging ? _t("Ringing…") : clock(this.seconds);
    }

    /** A softphone knows whether the call was answered. */
    get isRinging() {
        return this.call.isSoftphone && !this.call.startedHere && this.call.endedAfter === undefined;
    }

    get cost() {
        return this.money(costSoFar(this.call, this.seconds));
    }

    get price() {
        return _t("%s a minute", this.money(this.call.rate));
    }

    get title() {
        return this.call.type === "live" ? _t("Live Call") : _t("WhatsApp Call");
    }

    money(amount) {
        return formatMoney(amount, this.call.currencyData, { exact: true });
    }
}

registry.category("main_components").add("call_wallet.CallPanel", { Component: CallPanel });
