import { _t } from "@web/core/l10n/translation";
import { useBus, useService } from "@web/core/utils/hooks";
import { session } from "@web/session";
import { WebClient } from "@web/webclient/webclient";
import { Component, onWillUnmount, useState } from "@odoo/owl";
import { ALERT } from "@call_wallet/common/wallet_bus";

/** Asks the people of a company to add funds while the balance of its own wallet is low. */
export class LowBalanceBanner extends Component {
    static template = "call_wallet.LowBalanceBanner";
    static props = {};

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        const { wallet_ids: walletIds, banners } = session.call_wallet_banner || { wallet_ids: [], banners: [] };
        this.state = useState({ banners, isAll: false });
        this.ui = useService("ui");
        if (!walletIds.length) {
            return;
        }
        const bus = useService("bus_service");
        const refresh = () => this.refresh();
        bus.subscribe(ALERT, refresh);
        bus.start();
        useBus(bus, "BUS:RECONNECT", refresh);
        onWillUnmount(() => bus.unsubscribe(ALERT, refresh));
    }

    /** A telephone has no room for many: the most urgent one, and the others on demand. */
    get shown() {
        const urgency = ({ is_empty: isEmpty, is_first: isFirst }) => (isEmpty ? 0 : isFirst ? 2 : 1);
        const sorted = [...this.state.banners].sort((one, other) => urgency(one) - urgency(other));
        return this.ui.isSmall && !this.state.isAll ? sorted.slice(0, 1) : sorted;
    }

    get others() {
        const hidden = this.state.banners.length - this.shown.length;
        return hidden && (hidden === 1 ? _t("1 other wallet") : _t("%s other wallets", hidden));
    }

    async refresh() {
        // Where the server cannot be reached, keep what is shown.
        const banners = await this.orm.silent.call("call.wallet", "low_balance_banners", []).catch(() => null);
        this.state.banners = banners || this.state.banners;
    }

    addBalance(id) {
        return this.action.doAction("call_wallet.action_call_wallet_topup_wizard", {
            additionalContext: { active_model: "call.wallet", active_id: id, active_ids: [id], default_wallet_id: id },
        });
    }
}

WebClient.components = { ...WebClient.components, LowBalanceBanner };
