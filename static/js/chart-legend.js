// <chart-legend> names the lines of a chart with their last values, or those under the pointer.
const figure = (value, digits) => (value == null ? "–" : Number(value.toPrecision(digits)).toString());

class ChartLegend extends HTMLElement {
  // `held`: what the server found for each line at each x; else it is the nearest point.
  say({ cursor: { idx, idxs }, data }, held) {
    this.querySelector("[data-x]").textContent = idx == null ? "" : figure(data[0][idx], 9);
    for (const output of this.querySelectorAll("[data-value]")) {
      const line = Number(output.dataset.value), values = data[line + 1];
      const value = idx == null ? values.findLast((found) => found != null) : held ? held[line][idx] : values[idxs[line + 1]];
      output.textContent = figure(value, 4);
    }
  }
}
customElements.define("chart-legend", ChartLegend);
