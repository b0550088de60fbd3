// <chart-legend> names the lines of a chart with their last values, or those under the pointer.
const figure = (value, digits) => (value == null ? "–" : Number(value.toPrecision(digits)).toString());

class ChartLegend extends HTMLElement {
  say({ cursor: { idx, idxs }, data }) {
    this.querySelector("[data-x]").textContent = idx == null ? "" : figure(data[0][idx], 9);
    for (const output of this.querySelectorAll("[data-value]")) {
      const values = data[Number(output.dataset.value) + 1];
      const value = idx == null ? values.findLast((found) => found != null) : values[idxs[Number(output.dataset.value) + 1]];
      output.textContent = figure(value, 4);
    }
  }
}
customElements.define("chart-legend", ChartLegend);
