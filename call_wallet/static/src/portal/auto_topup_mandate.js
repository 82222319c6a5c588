import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";
import { formatMoney, parsePlain } from "@call_wallet/common/money";

/** Keeps the words of the mandate in line with the form: level, amount, monthly cap and card. */
export class AutoTopupMandate extends Interaction {
    static selector = ".o_call_wallet_auto_topup";
    dynamicContent = {
        _root: { "t-on-input": this.update, "t-on-change": this.update },
    };

    setup() {
        this.currency = JSON.parse(this.el.dataset.currency);
    }

    start() {
        this.update();
    }

    update() {
        for (const place of this.el.querySelectorAll("[data-says]")) {
            place.textContent = this.valueOf(place.dataset.says);
        }
    }

    valueOf(name) {
        if (name === "card") {
            const chosen = this.el.querySelector("[name=token_id]:checked");
            return chosen ? chosen.dataset.name : "…";
        }
        const amount = parsePlain(this.el.querySelector(`[name=${name}]`).value, this.currency.decimal_places);
        return amount === null ? "…" : formatMoney(amount, this.currency);
    }
}

registry.category("public.interactions").add("call_wallet.auto_topup_mandate", AutoTopupMandate);
