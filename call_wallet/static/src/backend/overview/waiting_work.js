import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { KeepLast } from "@web/core/utils/concurrency";
import { patch } from "@web/core/utils/patch";
import { useService } from "@web/core/utils/hooks";
import { formatInteger } from "@web/views/fields/formatters";
import { NavBar } from "@web/webclient/navbar/navbar";
import { Component, onMounted, reactive, useEffect, useState } from "@odoo/owl";
import { onOwnActions } from "./own_actions";

const APP = "call_wallet.menu_call_wallet_root";
const OURS = "call_wallet.";
// Numbers that are so old are read again when somebody goes on, or opens a menu.
const FRESH_MS = 15000;
// A menu has no room for more digits.
const MOST = 99;

/**
 * How much work waits behind the app's menus: {menu's XML id: count}. It is read when the app is opened, and again while
 * somebody works in it, at once after what they do; nothing is asked in other apps. The overview, which reads the same,
 * hands its own over.
 */
export const waitingWorkService = {
    dependencies: ["menu", "orm"],
    start(env, { menu, orm }) {
        const counts = reactive({});
        const keepLast = new KeepLast();
        let readAt = -Infinity;

        const show = (work) => {
            readAt = Date.now();
            for (const { menu: xmlid, count } of work) {
                counts[xmlid] = count;
            }
        };
        const refresh = async () => {
            if (menu.getCurrentApp()?.xmlid !== APP || Date.now() - readAt < FRESH_MS) {
                return;
            }
            readAt = Date.now();
            // A number beside a menu is worth no error.
            const work = orm.silent.call("call.wallet.overview", "work", [], { context: user.context });
            show(await keepLast.add(work.catch(() => [])));
        };
        onOwnActions(() => {
            readAt = -Infinity;
            refresh();
        });
        for (const event of ["MENUS:APP-CHANGED", "ACTION_MANAGER:UI-UPDATED"]) {
            env.bus.addEventListener(event, refresh);
        }
        return { counts, refresh, show };
    },
};
registry.category("services").add("call_wallet_waiting_work", waitingWorkService);

/**
 * How much waits behind a menu of the app; nothing where nothing does. A menu above others has a mark and no number: some
 * work is in two lists, and would be counted twice.
 */
export class MenuCount extends Component {
    static template = "call_wallet.MenuCount";
    static props = { menu: Object };

    setup() {
        const work = useService("call_wallet_waiting_work");
        this.counts = useState(work.counts);
        onMounted(() => work.refresh());
    }

    get count() {
        return this.counts[this.props.menu.xmlid] || 0;
    }

    get shown() {
        return shown(this.count);
    }

    get isAboveWork() {
        return isAboveWork(this.props.menu, this.counts);
    }
}

function shown(count) {
    return count > MOST ? `${MOST}+` : formatInteger(count);
}

function isAboveWork({ childrenTree }, counts) {
    return (childrenTree || []).some((child) => counts[child.xmlid] || isAboveWork(child, counts));
}

NavBar.components = { ...NavBar.components, CallWalletMenuCount: MenuCount };
patch(NavBar.prototype, {
    setup() {
        super.setup();
        this.callWalletWork = useService("call_wallet_waiting_work");
        const counts = useState(this.callWalletWork.counts);
        this.callWalletCounts = counts;
        // Which menus have room in the bar depends on how wide they are.
        useEffect(
            () => {
                this.adapt();
            },
            () => [Object.values(counts).filter(Boolean).length]
        );
    },

    isCallWalletMenu({ xmlid }) {
        return Boolean(xmlid?.startsWith(OURS));
    },

    /** How much waits behind a menu of the app, as a telephone's menu shows it; empty where nothing does. */
    callWalletCount({ xmlid }) {
        const count = this.callWalletCounts[xmlid];
        return count ? shown(count) : "";
    },

    _openAppMenuSidebar() {
        super._openAppMenuSidebar();
        this.callWalletWork.refresh();
    },
});
