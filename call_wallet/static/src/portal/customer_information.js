import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/** Offers the states of the chosen country, and hides the field for a country without any. */
export class BillingInformation extends Interaction {
    static selector = ".o_call_wallet_information";
    dynamicContent = {
        "[name=country_id]": { "t-on-change": this.onCountry },
    };

    async onCountry() {
        const countryId = Number(this.el.elements.country_id.value);
        const states = countryId ? await this.waitFor(this.statesOf(countryId)) : [];
        const select = this.el.elements.state_id;
        select.length = 1;
        select.append(...states.map(([id, name]) => new Option(name, id)));
        select.parentElement.classList.toggle("d-none", !states.length);
    }

    async statesOf(countryId) {
        const info = await rpc(`/my/address/country_info/${countryId}`, { address_type: "billing" });
        return info.states;
    }
}

registry.category("public.interactions").add("call_wallet.billing_information", BillingInformation);
