import { browser } from "@web/core/browser/browser";
import { useBus, useService } from "@web/core/utils/hooks";
import { onMounted, onWillUnmount } from "@odoo/owl";
import { CHANGED, LOOK_AGAIN_MS, WATCH_MS } from "@call_wallet/common/wallet_bus";

// Changes that come together are fetched together.
const GATHER_MS = 60;

/**
 * Calls `refresh` when the wallet has changed, and after the connection was lost.
 *
 * @param {() => number|false} getWalletId
 * @param {() => Promise} refresh
 * @param {(isLive: boolean) => void} onConnection
 * @returns {() => Promise} to call when another wallet is shown
 */
export function useWalletChanges(getWalletId, refresh, onConnection) {
    const bus = useService("bus_service");
    const orm = useService("orm");
    let soon, later, renewal;

    const refreshLater = () => {
        browser.clearTimeout(later);
        later = browser.setTimeout(refresh, LOOK_AGAIN_MS);
    };
    const onChanged = ({ ids }) => {
        if (!ids.includes(getWalletId())) {
            return;
        }
        if (!soon) {
            soon = browser.setTimeout(() => {
                soon = undefined;
                refresh();
            }, GATHER_MS);
        }
        refreshLater();
    };
    /** Renew the watch, then look again: changes from before it was renewed were not announced. */
    const watch = async () => {
        const walletId = getWalletId();
        if (!walletId) {
            return;
        }
        // If this fails, looking again fails too, and reports it.
        await orm.silent.call("call.wallet", "watch", [[walletId]]).catch(() => {});
        refreshLater();
    };

    bus.subscribe(CHANGED, onChanged);
    bus.start();
    useBus(bus, "BUS:DISCONNECT", () => onConnection(false));
    for (const event of ["BUS:CONNECT", "BUS:RECONNECT"]) {
        useBus(bus, event, () => {
            onConnection(true);
            watch();
        });
    }
    onMounted(() => {
        renewal = browser.setInterval(watch, WATCH_MS);
    });
    onWillUnmount(() => {
        bus.unsubscribe(CHANGED, onChanged);
        browser.clearTimeout(soon);
        browser.clearTimeout(later);
        browser.clearInterval(renewal);
    });
    return watch;
}
