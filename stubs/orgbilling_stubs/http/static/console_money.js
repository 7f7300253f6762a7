// The chart of the page Money, drawn by uPlot from the table below it, and again when the table has changed.
// Without this file the page has a drawing that the server made, and the table.

const figure = document.querySelector("[data-money]");
const [closing, increase, decrease] = figure.dataset.money.split("|");
const drawing = figure.firstElementChild;
const HEIGHT = 260;
const dark = matchMedia("(prefers-color-scheme: dark)");
let chart = null;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The columns of the table, oldest day first: days in seconds since 1970, then the amounts. */
function columns() {
  const rows = [...document.querySelectorAll("#money-days [data-day]")].reverse();
  const amounts = rows.map((row) => [...row.querySelectorAll("[data-amount]")].map((cell) => Number(cell.dataset.amount)));
  return [
    rows.map((row) => Date.parse(`${row.dataset.day}T00:00:00Z`) / 1000),
    amounts.map((row) => row[2]),
    amounts.map((row) => row[0]),
    amounts.map((row) => -row[1]),
  ];
}

function draw() {
  chart?.destroy();
  const bars = uPlot.paths.bars({ size: [0.7, 40] });
  const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
  const amount = (self, value) => (value === null ? "–" : Math.abs(value).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 6 }));
  chart = new uPlot(
    {
      width: figure.clientWidth,
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { drag: { x: false, y: false } },
      axes: [axis, { ...axis, size: 70 }],
      series: [
        { label: "Day", value: "{YYYY}-{MM}-{DD}" },
        { label: closing, stroke: color("--link"), width: 2, value: amount },
        { label: increase, stroke: color("--good"), fill: color("--good"), paths: bars, points: { show: false }, value: amount },
        { label: decrease, stroke: color("--bad"), fill: color("--bad"), paths: bars, points: { show: false }, value: amount },
      ],
    },
    columns(),
    figure,
  );
  chart.root.setAttribute("aria-hidden", "true"); // The table below says the same.
}

drawing.classList.add("sr");
draw();
dark.addEventListener("change", draw);
new ResizeObserver(() => chart.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);

// The table is replaced when requests have changed it (console.js).
new MutationObserver(() => chart.setData(columns())).observe(document.querySelector("#money-days").parentElement, { childList: true });

// What is opened in the lists of sources and services stays open: the lists wait until it is closed again.
document.addEventListener(
  "toggle",
  (event) => {
    const lines = event.target.closest("#money-lines");
    lines?.toggleAttribute("data-live", !lines.querySelector("details[open]"));
  },
  true,
);
