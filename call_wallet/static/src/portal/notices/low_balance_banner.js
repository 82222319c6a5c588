import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";
import { ALERT, isConnected } from "@call_wallet/common/wallet_bus";

const POLL_MS = 30000;

/** The low-balance banner of an owner's pages comes and goes by itself. */
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
        // Getters, for the template stays where the server cannot be reached.
        const html = await rpc("/my/billing/banner", {}, { silent: true }).catch(() => null);
        if (html !== null && !this.isDestroyed) {
            this.el.innerHTML = html;
        }
    }
}

registry.category("public.interactions").add("call_wallet.low_balance_banner", LowBalanceBanner);
