import { BarChart } from "@call_wallet/common/bar_chart";
import { formatDay, formatMoney } from "@call_wallet/common/money";

const COLORS = { live: "#714b67", whatsapp: "#1fa97c" };

/** The spend of each day in the wallet's currency, stacked by call type. */
export class SpendChart extends BarChart {
    static template = "call_wallet.SpendChart";
    static props = { spend: Object, currency: Object };

    get data() {
        const { days, series } = this.props.spend;
        return {
            labels: days,
            datasets: series.map(({ type, label, amounts }) => ({
                label,
                data: amounts.map(Number),
                backgroundColor: COLORS[type],
                borderRadius: 2,
                maxBarThickness: 18,
            })),
        };
    }

    get options() {
        const money = (amount) => formatMoney(amount, this.props.currency);
        const exact = (amount) => formatMoney(amount, this.props.currency, { exact: true });
        const dayOf = (index) => this.props.spend.days[index];
        return {
            animation: { duration: 300 },
            maintainAspectRatio: false,
            interaction: { mode: "index", intersect: false },
            scales: {
                x: {
                    stacked: true,
                    grid: { display: false },
                    ticks: {
                        maxRotation: 0,
                        autoSkipPadding: 16,
                        callback: (_value, index) => formatDay(dayOf(index), "short"),
                    },
                },
                y: {
                    stacked: true,
                    beginAtZero: true,
                    grid: { color: "rgba(128, 128, 128, 0.15)" },
                    border: { display: false },
                    ticks: { maxTicksLimit: 5, callback: money },
                },
            },
            plugins: {
                legend: { position: "bottom", labels: { boxWidth: 12, boxHeight: 12 } },
                tooltip: {
                    callbacks: {
                        title: ([item]) => formatDay(dayOf(item.dataIndex), "long"),
                        label: ({ dataset, raw }) => ` ${dataset.label}: ${exact(raw)}`,
                    },
                },
            },
        };
    }
}
