import { registry } from "@web/core/registry";
import { View } from "@web/views/view";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component } from "@odoo/owl";

/**
 * The rates of a plan, searchable and a page at a time: a plan may hold hundreds of thousands,
 * and a one2many would first fetch the ids of them all.
 */
export class RateBrowser extends Component {
    static template = "call_wallet.RateBrowser";
    static components = { View };
    static props = { ...standardWidgetProps };

    get planId() {
        return this.props.record.resId;
    }

    get viewProps() {
        return {
            type: "list",
            resModel: "call.rate",
            domain: [["plan_id", "=", this.planId]],
            context: { default_plan_id: this.planId },
            limit: 40,
            display: { controlPanel: { "bottom-right": true } },
            noBreadcrumbs: true,
            allowSelectors: false,
            loadIrFilters: false,
        };
    }
}

registry.category("view_widgets").add("call_rate_browser", {
    component: RateBrowser,
    additionalClasses: ["w-100"],
});
