// <metric-chart> lays uPlot over the server's drawing. If anything fails, the drawing stays.
const systemTheme = matchMedia("(prefers-color-scheme: dark)");
const DASHES = { dashed: [6, 4], dotted: [2, 3] };
const SPARSE = 30; // so few points are shown as such

class MetricChart extends HTMLElement {
  connectedCallback() {
    this.over = this.querySelector(".over");
    this.observers = [new ResizeObserver(() => this.chart?.setSize(this.size)), new MutationObserver(() => this.update())];
    try { this.build(); } catch { return this.clear(); }
    this.observers[0].observe(this.over);
    this.observers[1].observe(this, { childList: true });
    document.addEventListener("theme:changed", this);
    systemTheme.addEventListener("change", this);
  }
  disconnectedCallback() {
    for (const one of this.observers) one.disconnect();
    document.removeEventListener("theme:changed", this);
    systemTheme.removeEventListener("change", this);
    this.clear();
  }
  handleEvent() { this.build(); }
  get size() { return { width: this.over.clientWidth, height: this.over.clientHeight }; }
  // The colours are those of the drawing below: a token is handed out as written, light-dark() and all.
  paint(selector, property = "stroke") {
    const found = this.querySelector(selector);
    return found ? getComputedStyle(found)[property] : "gray";
  }
  line({ dash, faint, steps }, index) {
    const ink = this.paint(`[data-line="${index}"] path`), stroke = faint ? ink.replace("rgb(", "rgba(").replace(")", ", 0.3)") : ink;
    return { stroke, width: 1.75, dash: DASHES[dash], spanGaps: false, points: { show: steps.length < SPARSE, fill: stroke } };
  }
  axis(name, size) {
    const told = () => this.told[name].ticks, ticks = this.told[name]?.ticks && { splits: () => told().map(([at]) => at), values: () => told().map(([, label]) => label) };
    return { size, stroke: this.paint(".tick", "fill"), font: this.paint(".tick", "font"), grid: { stroke: this.paint(".grid"), width: 1 }, ticks: { show: false }, filter: (_, splits) => splits, ...ticks };
  }
  read() {
    this.drawn = this.querySelector("script").textContent;
    this.told = JSON.parse(this.drawn);
    const { series, x, y } = this.told;
    this.shape = JSON.stringify([series.map(({ line, dash, faint, steps }) => [line, dash, faint, steps.length < SPARSE]), !x?.ticks, !y?.ticks, y?.log]);
    return uPlot.join(series.map(({ steps, values }) => [steps, values]), series.map(() => [1, 1]));
  }
  build() {
    this.clear();
    const points = this.read();
    this.chart = new uPlot({
      ...this.size,
      padding: [8, 20, 0, 0], // as charts.css lays the marks over it
      legend: { show: false },
      focus: { alpha: 0.3 },
      scales: { x: { time: false, range: (_, low, high) => this.zoomed ?? this.told.x?.range ?? [low, high] }, y: { distr: this.told.y?.log ? 3 : 1, range: (_, low, high) => this.told.y?.range ?? uPlot.rangeNum(low, high, 0.06, true) } },
      cursor: { sync: { key: "tunebell", filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } }, drag: { x: true, y: false, setScale: false }, focus: { prox: 24 }, hover: { prox: 24 }, bind: { dblclick: () => () => this.zoom() } },
      series: [{}, ...this.told.series.map((one, index) => this.line(one, index))],
      axes: [this.axis("x", 28), this.axis("y", 52)],
      hooks: { setCursor: [(chart) => this.querySelector("chart-legend")?.say?.(chart, this.told.held)], setSelect: [(chart) => this.select(chart)] },
    }, points, this.over);
  }
  update() {
    if (!this.chart || this.querySelector("script")?.textContent === this.drawn) return;
    const shape = this.shape, points = this.read();
    if (shape !== this.shape) return this.build();
    this.chart.setData(points);
  }
  select(chart, { left, width } = chart.select) {
    if (width < 4) return;
    chart.setSelect({ left: 0, width: 0 }, false);
    this.zoom([left, left + width].map((at) => chart.posToVal(at, "x")));
  }
  // Who owns the page's address answers with finer points; where nobody does, what is here is shown larger.
  zoom(range) {
    if (!this.dispatchEvent(new CustomEvent("chart:zoom", { bubbles: true, cancelable: true, detail: range }))) return;
    this.toggleAttribute("data-zoomed", Boolean((this.zoomed = range)));
    this.chart.setData(this.chart.data);
  }
  clear() { this.chart = this.chart?.destroy(); }
}
customElements.define("metric-chart", MetricChart);
