// <metric-chart> lays uPlot over the server's drawing. If anything fails, the drawing stays.
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const systemTheme = matchMedia("(prefers-color-scheme: dark)");
const DASHES = { dashed: [6, 4], dotted: [2, 3] };

// A custom property is handed out as written, light-dark() and all: only a used colour is plain.
function colour(name) {
  const probe = document.createElement("span");
  probe.className = `probe-${name}`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
// As the server scales its drawing: a little room, never below zero for what is never negative.
function extent(_, low, high, room = (high - low) * 0.06 || Math.abs(high) * 0.06 || 1) { return low == null ? [0, 1] : [low < 0 ? low - room : Math.max(low - room, 0), high + room]; }

class MetricChart extends HTMLElement {
  connectedCallback() {
    this.plot = this.querySelector(".plot");
    this.sizes = new ResizeObserver(() => this.resize());
    this.news = new MutationObserver(() => this.update());
    this.redraw = () => this.build();
    try { this.build(); } catch { return this.clear(); }
    this.sizes.observe(this.plot);
    this.news.observe(this, { childList: true });
    document.addEventListener("theme:changed", this.redraw);
    systemTheme.addEventListener("change", this.redraw);
  }
  disconnectedCallback() {
    this.sizes.disconnect();
    this.news.disconnect();
    document.removeEventListener("theme:changed", this.redraw);
    systemTheme.removeEventListener("change", this.redraw);
    this.clear();
  }
  get series() { return JSON.parse(this.querySelector("script").textContent).series; }
  table(series) { return uPlot.join(series.map((one) => [one.steps, one.values]), series.map(() => [1, 1])); }
  build() {
    this.clear();
    const series = this.series;
    const axis = { stroke: colour("ink-muted"), grid: { stroke: colour("hairline"), width: 1 }, ticks: { show: false }, font: `12px ${token("--sans")}` };
    this.chart = new uPlot({
      width: this.plot.clientWidth,
      height: this.plot.clientHeight,
      scales: { x: { time: false }, y: { range: (chart, low, high) => extent(chart, low, high) } },
      legend: { show: false },
      focus: { alpha: 0.3 },
      cursor: { sync: { key: "tunebell" }, drag: { x: true, y: false }, focus: { prox: 24 } },
      series: [{}, ...series.map((one) => ({ stroke: colour(`line-${one.line}`), width: 1.75, dash: DASHES[one.dash], spanGaps: false, points: { show: one.steps.length < 30, fill: colour(`line-${one.line}`) } }))],
      axes: [{ ...axis, size: 28 }, { ...axis, size: 52 }],
      hooks: { setCursor: [(chart) => this.say(chart, series)] },
    }, this.table(series), this.plot);
    this.drawn = this.querySelector("script").textContent;
    this.plot.querySelector(":scope > svg").setAttribute("opacity", "0");
  }
  update() {
    const text = this.querySelector("script")?.textContent;
    if (!this.chart || !text || text === this.drawn) return;
    const series = this.series;
    if (series.length !== this.chart.series.length - 1) return this.build();
    this.drawn = text;
    this.chart.setData(this.table(series));
  }
  resize() { this.chart?.setSize({ width: this.plot.clientWidth, height: this.plot.clientHeight }); }
  say(chart, series) {
    const place = chart.cursor.idx;
    for (const [index, one] of series.entries()) {
      const value = place == null ? one.values.findLast((found) => found != null) : chart.data[index + 1][place];
      const output = this.querySelector(`output[data-value="${index}"]`);
      if (output) output.textContent = value == null ? "–" : Number(value.toPrecision(4)).toString();
    }
  }
  clear() {
    this.chart?.destroy();
    this.chart = undefined;
    this.plot?.querySelector(":scope > svg")?.removeAttribute("opacity");
  }
}
customElements.define("metric-chart", MetricChart);
