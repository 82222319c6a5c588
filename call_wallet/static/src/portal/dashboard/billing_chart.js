import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";
import { Component, reactive, useState, xml } from "@odoo/owl";
import { SpendChart } from "@call_wallet/common/dashboard/spend_chart";

class LiveSpendChart extends Component {
    static template = xml`<SpendChart spend="state.spend" currency="state.currency"/>`;
    static components = { SpendChart };
    static props = { state: Object };

    setup() {
        this.state = useState(this.props.state);
    }
}

/** Draws the chart of an owner's spend from the data in the page, and again whenever the data changes. */
export class BillingChart extends Interaction {
    static selector = ".o_call_wallet_live:has(.o_call_wallet_chart_holder)";
    dynamicContent = {
        _root: { "t-on-call_wallet_spend": this.draw },
    };

    start() {
        this.draw();
    }

    get holder() {
        return this.el.querySelector(".o_call_wallet_chart_holder");
    }

    draw() {
        const { spend, hasSpent } = this.el.querySelector("[data-spend]").dataset;
        this.el.querySelector(".o_call_wallet_no_spend").classList.toggle("d-none", hasSpent === "true");
        this.el.querySelector(".o_call_wallet_spend").classList.toggle("d-none", hasSpent !== "true");
        if (hasSpent !== "true") {
            return;
        }
        const data = JSON.parse(spend);
        if (this.state) {
            Object.assign(this.state, data);
        } else {
            this.state = reactive(data);
            this.mountComponent(this.holder, LiveSpendChart, { state: this.state });
        }
    }
}

registry.category("public.interactions").add("call_wallet.billing_chart", BillingChart);
