import { _t } from "@web/core/l10n/translation";
import { usePopover } from "@web/core/popover/popover_hook";
import { Tooltip } from "@web/core/tooltip/tooltip";
import { useBus, useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { formatMoney } from "@call_wallet/common/money";
import { Component, onMounted, onWillUnmount, onWillUpdateProps, useState } from "@odoo/owl";
import { clock } from "./call_cost";

const LABELS = { live: _t("Live Call"), whatsapp: _t("WhatsApp Call") };
// Where the balance lasts for longer than a day, the hint does not mention it.
const LONG_SECONDS = 24 * 3600;

/**
 * Live Call and WhatsApp Call beside a phone number. Where a call may not start, its button is disabled and a tooltip
 * gives the reason. Keyboard and touch must reach the tooltip too, so the button stays focusable and is marked with
 * `aria-disabled` instead of `disabled`.
 */
export class CallButton extends Component {
    static template = "call_wallet.CallButton";
    static props = {
        number: String,
        countryId: { type: Number, optional: true },
        name: { type: String, optional: true },
    };

    setup() {
        this.calls = useService("call_wallet.call");
        this.running = useState(this.calls.state);
        this.state = useState({ answer: false });
        this.tooltip = usePopover(Tooltip, {
            position: "bottom-start",
            setActiveElement: false,
            closeOnClickAway: true,
        });
        this.latest = new KeepLast();
        onMounted(() => {
            this.unwatch = this.calls.watch();
            this.check();
        });
        onWillUpdateProps((next) => {
            if (next.number !== this.props.number || next.countryId !== this.props.countryId) {
                this.check(next);
            }
        });
        onWillUnmount(() => this.unwatch?.());
        useBus(this.calls.changes, "changed", () => this.check());
    }

    async check({ number, countryId } = this.props) {
        this.state.answer = await this.latest.add(this.calls.check(number, countryId));
    }

    get buttons() {
        return ["live", "whatsapp"].map((type) => {
            const verdict = this.state.answer.types[type];
            const isFree = !this.running.call && !this.running.isStarting;
            return {
                type,
                label: LABELS[type],
                icon: type === "live" ? "fa-phone" : "fa-whatsapp",
                isAllowed: verdict.allowed && isFree,
                hint: isFree ? this.hint(verdict) : _t("End the current call first."),
            };
        });
    }

    hint(verdict) {
        if (!verdict.allowed) {
            return verdict.message;
        }
        const price = formatMoney(verdict.rate, this.state.answer.currency, { exact: true });
        return verdict.funds_seconds > LONG_SECONDS || verdict.funds_seconds <= 0
            ? _t("%(price)s a minute", { price })
            : _t("%(price)s a minute, the balance lasts %(time)s", { price, time: clock(verdict.funds_seconds) });
    }

    onClick(ev, button) {
        if (!button.isAllowed) {
            return this.explain(ev, button);
        }
        this.tooltip.close();
        return this.calls.dial({
            type: button.type,
            number: this.props.number,
            countryId: this.props.countryId,
            name: this.props.name,
            currency: this.state.answer.currency,
        });
    }

    explain(ev, button) {
        if (!this.tooltip.isOpen) {
            this.tooltip.open(ev.currentTarget, { tooltip: button.hint });
        }
    }
}
