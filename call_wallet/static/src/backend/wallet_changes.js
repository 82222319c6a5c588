import { browser } from "@web/core/browser/browser";
import { useBus, useService } from "@web/core/utils/hooks";
import { onWillUnmount } from "@odoo/owl";

export const CHANGED = "call_wallet/changed";
// Changes that come together are fetched together.
const GATHER_MS = 60;
// The server speaks of a wallet at most once a second: look again after that second.
const LOOK_AGAIN_MS = 1100;

/**
 * Calls `refresh` when the wallet has changed, and after the connection was lost.
 *
 * @param {() => number|false} getWalletId
 * @param {() => Promise} refresh
 * @param {(isLive: boolean) => void} onConnection
 */
export function useWalletChanges(getWalletId, refresh, onConnection) {
    const bus = useService("bus_service");
    let soon, later;

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
        browser.clearTimeout(later);
        later = browser.setTimeout(refresh, LOOK_AGAIN_MS);
    };
    bus.subscribe(CHANGED, onChanged);
    bus.start();
    useBus(bus, "BUS:DISCONNECT", () => onConnection(false));
    for (const event of ["BUS:CONNECT", "BUS:RECONNECT"]) {
        useBus(bus, event, () => {
            onConnection(true);
            refresh();
        });
    }
    onWillUnmount(() => {
        bus.unsubscribe(CHANGED, onChanged);
        browser.clearTimeout(soon);
        browser.clearTimeout(later);
    });
}
