import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { Interaction } from "@web/public/interaction";
import { CHANGED, LOOK_AGAIN_MS, WATCH_MS, isConnected } from "@call_wallet/common/wallet_bus";
import { isExpired, showExpired } from "../wallet/session_expired";

// Requests that fall together, such as those of a page that opens, become one.
const GATHER_MS = 200;
// How often to ask the server while no messages arrive.
const POLL_MS = 15000;

/** Keeps the overview up to date without a reload: the server renders it, and the parts that changed are replaced. */
export class BillingLive extends Interaction {
    static selector = ".o_call_wallet_live";
    dynamicContent = {
        _document: { "t-on-visibilitychange": this.onVisible },
        _window: { "t-on-beforeunload": () => (this.isLeaving = true) },
    };

    setup() {
        this.walletId = Number(this.el.dataset.walletId);
        this.bus = this.services.bus_service;
        this.keepLast = new KeepLast();
    }

    start() {
        const onChanged = ({ ids }) => ids.includes(this.walletId) && this.onChanged();
        // The page opens and the connection is made at about the same time: ask only once.
        const watch = this.debounced(() => this.refresh({ watch: true }), GATHER_MS);
        this.bus.subscribe(CHANGED, onChanged);
        this.registerCleanup(() => this.bus.unsubscribe(CHANGED, onChanged));
        for (const event of ["BUS:CONNECT", "BUS:RECONNECT"]) {
            this.addListener(this.bus, event, watch);
        }
        this.bus.start();
        const renewal = setInterval(watch, WATCH_MS);
        const poll = setInterval(() => isConnected(this.bus) || this.refresh(), POLL_MS);
        this.registerCleanup(() => {
            clearInterval(renewal);
            clearInterval(poll);
            clearTimeout(this.later);
        });
        watch();
    }

    onChanged() {
        this.refresh();
        clearTimeout(this.later);
        this.later = setTimeout(() => this.refresh(), LOOK_AGAIN_MS);
    }

    onVisible() {
        if (!document.hidden) {
            this.refresh({ watch: true });
        }
    }

    async refresh({ watch = false } = {}) {
        if (document.hidden) {
            return;
        }
        let answer;
        try {
            const request = rpc(`/my/billing/${this.walletId}/live`, { watch }, { silent: true });
            answer = await this.keepLast.add(request);
        } catch (error) {
            return this.onError(error);
        }
        if (this.isDestroyed) {
            return;
        }
        if ((this.el.dataset.isSetUp === "true") !== answer.is_set_up) {
            // The page of a wallet that is set up and that of one that is not have nothing in common. A form that was
            // just sent leads to the right one by itself, and a reload would take its place.
            if (!this.isLeaving) {
                window.location.reload();
            }
            return;
        }
        this.put(new DOMParser().parseFromString(answer.html, "text/html"));
    }

    put(fresh) {
        for (const part of fresh.querySelectorAll("[data-live]")) {
            const shown = this.el.querySelector(`[data-live="${part.dataset.live}"]`);
            if (shown && (shown.innerHTML !== part.innerHTML || shown.dataset.spend !== part.dataset.spend)) {
                this.replace(shown, part);
            }
        }
    }

    /** Replace a part of the page and keep the focus on the same link. */
    replace(shown, part) {
        const focused = shown.contains(document.activeElement) && document.activeElement;
        shown.innerHTML = part.innerHTML;
        Object.assign(shown.dataset, part.dataset);
        if (focused?.href) {
            [...shown.querySelectorAll("a")].find((link) => link.href === focused.href)?.focus();
        }
        if (part.dataset.spend) {
            shown.dispatchEvent(new CustomEvent("call_wallet_spend", { bubbles: true }));
        }
    }

    /** Say on the page that it is no longer kept up to date, and keep what it shows. */
    onError(error) {
        if (isExpired(error) && !this.el.querySelector(".o_call_wallet_expired")) {
            showExpired(this.el, _t("Your session has expired; what you see may be old."));
        }
    }
}

registry.category("public.interactions").add("call_wallet.billing_live", BillingLive);
