import { loadBundle } from "@web/core/assets";
import { Component, onWillStart, onWillUnmount, useEffect, useRef } from "@odoo/owl";

/** A bar chart that is redrawn when its props change. Subclasses return `data` and `options` as Chart.js takes them. */
export class BarChart extends Component {
    // Subclasses have their own.
    static template = "";
    static props = ["*"];

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

    /** Draw the chart, or update it in place, so that it moves instead of flickering. */
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
