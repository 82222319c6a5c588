import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";
import { ALERT, isConnected } from "@call_wallet/common/wallet_bus";

// How often to ask the server while no messages arrive.
const POLL_MS = 30000;

/** Shows and hides the low-balance banner on an owner's pages without a reload. */
export class LowBalanceBanner extends Interaction {
    static selector = ".o_call_wallet_banners";

    setup() {
        this.walletIds = JSON.parse(this.el.dataset.walletIds);
        this.bus = this.services.bus_service;
    }

    start() {
        const onAlert = ({ ids }) => ids.some((id) => this.walletIds.includes(id)) && this.refresh();
        this.bus.subscribe(ALERT, onAlert);
        this.bus.start();
        this.addListener(this.bus, "BUS:RECONNECT", () => this.refresh());
        const poll = setInterval(() => isConnected(this.bus) || this.refresh(), POLL_MS);
        this.registerCleanup(() => {
            clearInterval(poll);
            this.bus.unsubscribe(ALERT, onAlert);
        });
    }

    async refresh() {
        if (document.hidden) {
            return;
        }
        // Where the server cannot be reached, keep what is shown.
        const html = await rpc("/my/billing/banner", {}, { silent: true }).catch(() => null);
        if (html !== null && !this.isDestroyed && !this.isShown(html)) {
            const interactions = this.services["public.interactions"];
            const wasOpen = this.el.querySelector("details")?.open;
            [...this.el.children].forEach((banner) => interactions.stopInteractions(banner));
            this.el.innerHTML = html;
            this.el.querySelector("details")?.toggleAttribute("open", wasOpen);
            [...this.el.children].forEach((banner) => interactions.startInteractions(banner));
        }
    }

    /** Tell whether the page shows this already: what somebody is about to press would be replaced under the hand. */
    isShown(html) {
        const fresh = document.createElement("template");
        fresh.innerHTML = html;
        const shown = this.el.cloneNode(true);
        shown.querySelector("details")?.removeAttribute("open");
        return fresh.innerHTML.trim() === shown.innerHTML.trim();
    }
}

registry.category("public.interactions").add("call_wallet.low_balance_banner", LowBalanceBanner);
