import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/** Scrolls the tabs to the current one: on a phone they are wider than the screen. */
export class BillingTabs extends Interaction {
    static selector = ".o_call_wallet_tabs";

    start() {
        const current = this.el.querySelector(".nav-link.active");
        if (current) {
            const { offsetLeft, offsetWidth } = current.parentElement;
            this.el.scrollLeft = offsetLeft - (this.el.clientWidth - offsetWidth) / 2;
        }
    }
}

registry.category("public.interactions").add("call_wallet.billing_tabs", BillingTabs);
