import { _t } from "@web/core/l10n/translation";
import { BarChart } from "@call_wallet/common/bar_chart";
import { formatMoney } from "@call_wallet/common/money";

const COLORS = { level: "#714b67", up: "#1fa97c", down: "#dc6965", ledger: "#3b82c4" };

/** A waterfall: from the opening balance through the month to the closing one, and from there to the general ledger's. */
export class ReconciliationChart extends BarChart {
    static template = "call_wallet.ReconciliationChart";
    static props = { total: Object, currency: Object };

    get isSmall() {
        return this.env.isSmall;
    }

    /** The bars from left to right. A level starts at zero; a movement spans from the level before it to the one after. */
    get bars() {
        const { total } = this.props;
        let level = 0;
        const stand = (label, name, color = COLORS.level) => {
            level = Number(total[name]);
            return { label, amount: total[name], range: [0, level], color };
        };
        const move = (label, name, sign = 1) => {
            const [from, by] = [level, sign * Number(total[name])];
            level += by;
            return { label, amount: String(by), range: [from, level], color: by < 0 ? COLORS.down : COLORS.up };
        };
        return [
            stand(_t("Opening"), "opening"),
            move(_t("Added"), "added"),
            move(_t("Used"), "used", -1),
            move(_t("Refunded"), "refunded"),
            move(_t("Reversed"), "reversed", -1),
            stand(_t("Closing"), "closing"),
            move(_t("Awaiting payment"), "awaiting_payment"),
            move(_t("Settled without funds"), "settled_without_funds"),
            move(_t("Not posted"), "not_posted"),
            stand(_t("General ledger"), "general_ledger", COLORS.ledger),
        ];
    }

    get data() {
        const { bars } = this;
        return {
            // One word per line; on a phone the bars are too narrow for words, and their names stand upright.
            labels: bars.map(({ label }) => (this.isSmall ? label.toString() : label.split(" "))),
            datasets: [
                {
                    data: bars.map(({ range }) => range),
                    backgroundColor: bars.map(({ color }) => color),
                    borderSkipped: false,
                    borderRadius: 2,
                    maxBarThickness: 56,
                    minBarLength: 2,
                },
            ],
        };
    }

    get options() {
        const exact = (amount) => formatMoney(amount, this.props.currency, { exact: true });
        return {
            animation: { duration: 300 },
            maintainAspectRatio: false,
            scales: {
                x: {
                    grid: { display: false },
                    ticks: { minRotation: this.isSmall ? 90 : 0, maxRotation: this.isSmall ? 90 : 50, autoSkip: false },
                },
                y: {
                    grid: { color: "rgba(128, 128, 128, 0.15)" },
                    border: { display: false },
                    ticks: { maxTicksLimit: 5, callback: (amount) => formatMoney(amount, this.props.currency) },
                },
            },
            plugins: {
                legend: { display: false },
                tooltip: { callbacks: { label: ({ dataIndex }) => ` ${exact(this.bars[dataIndex].amount)}` } },
            },
        };
    }
}
