import { browser } from "@web/core/browser/browser";
import { useBus, useService } from "@web/core/utils/hooks";
import { onMounted, onWillUnmount } from "@odoo/owl";
import { onOwnActions } from "./own_actions";
import { LOOK_OVER_AGAIN_MS, OVERVIEW, WATCH_MS } from "@call_wallet/common/wallet_bus";

// After a look it rests so many times as long as that took, so that no database is kept busy by who only watches.
const REST = 20;

/**
 * Calls `refresh` when a wallet has changed, after what was done on the page itself, every minute for what sends no
 * message, and after the connection was lost.
 *
 * @param {() => Promise} refresh
 */
export function useOverviewChanges(refresh) {
    const bus = useService("bus_service");
    const orm = useService("orm");
    let later, renewal, ignoreOwnActions;
    let restsUntil = 0;

    const look = async () => {
        const began = Date.now();
        await refresh();
        restsUntil = Date.now() + REST * (Date.now() - began);
    };
    /** Look at once, and again when further changes may have come without a message. */
    const onChanged = () => {
        if (Date.now() >= restsUntil) {
            look();
        }
        browser.clearTimeout(later);
        later = browser.setTimeout(look, Math.max(LOOK_OVER_AGAIN_MS, restsUntil - Date.now()));
    };
    const watch = async () => {
        // If this fails, looking again fails too, and reports it.
        await orm.silent.call("call.wallet.overview", "watch", []).catch(() => {});
        await look();
    };

    bus.subscribe(OVERVIEW, onChanged);
    bus.start();
    for (const event of ["BUS:CONNECT", "BUS:RECONNECT"]) {
        useBus(bus, event, watch);
    }
    onMounted(() => {
        watch();
        renewal = browser.setInterval(watch, WATCH_MS);
        ignoreOwnActions = onOwnActions(look);
    });
    onWillUnmount(() => {
        bus.unsubscribe(OVERVIEW, onChanged);
        browser.clearTimeout(later);
        browser.clearInterval(renewal);
        ignoreOwnActions();
    });
}
