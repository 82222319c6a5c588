import { loadBundle } from "@web/core/assets";
import { Component, onWillStart, onWillUnmount, useEffect, useRef } from "@odoo/owl";

/** A bar chart that follows its props. What shows what comes from `data` and `options`. */
export class BarChart extends Component {
    setup() {
        this.canvas = useRef("canvas");
        this.chart = null;
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => this.draw(),
            () => [JSON.stringify(this.props)]
        );
        onWillUnmount(() => this.chart?.destroy());
    }

    /** Change the chart in place, so that it moves rather than blinks. */
    draw() {
        const { data } = this;
        if (this.chart) {
            this.chart.data = data;
            this.chart.update();
            return;
        }
        this.chart = new Chart(this.canvas.el, { type: "bar", data, options: this.options });
    }
}
