// <metric-view> changes how the curves are shown without leaving the page: by its form, a drag, a double click.
// The server draws every view, so that drawing, table and sentence always say the same, and the address tells it.
const PATIENCE_MS = 150; // a slider on its way asks once it rests

class MetricView extends HTMLElement {
  connectedCallback() {
    for (const type of ["chart:zoom", "change", "input", "submit", "click"]) this.addEventListener(type, this);
  }
  disconnectedCallback() { clearTimeout(this.timer); }
  get form() { return this.querySelector("form"); }
  handleEvent(event) {
    if (event.type === "chart:zoom") this.zoom(event);
    else if (event.type === "click") this.leave(event);
    else if (event.type === "submit") this.now(event);
    else if (this.form.contains(event.target)) this.changed(event);
  }
  changed({ type, target }) {
    if (target.type === "range") {
      this.querySelector(`output[for="${target.id}"]`).textContent = target.value;
      return this.soon();
    }
    if (type === "input") return; // a number is whole when its field is left
    if (target.name === "x") this.limit("", ""); // steps are no tokens
    this.soon();
  }
  zoom(event) {
    const [low = "", high = ""] = event.detail ?? [];
    const grain = 10 ** Math.floor(Math.log10(high - low) - 2);
    const round = (value) => (value === "" ? "" : Number((Math.round(value / grain) * grain).toPrecision(12)));
    this.limit(round(low), round(high));
    this.now(event);
  }
  leave(event) {
    const link = event.target.closest("a[data-whole], a[data-plain]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    this.limit("", "");
    if (link.matches("[data-plain]")) this.plain();
    this.now(event);
  }
  limit(low, high) { [this.form.elements.from.value, this.form.elements.to.value] = [low, high]; }
  plain() {
    for (const list of this.form.querySelectorAll("[name=x], [name=y]")) list.selectedIndex = 0;
    for (const box of this.form.querySelectorAll("[type=checkbox]")) box.checked = true;
    this.form.elements.smooth.value = 0;
  }
  now(event) {
    event.preventDefault();
    clearTimeout(this.timer);
    this.show();
  }
  // Until it is asked for, an answer to something older leaves the form as it is.
  soon() {
    this.form.dataset.keep = "";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), PATIENCE_MS);
  }
  get query() {
    const boxes = [...this.form.querySelectorAll("[name=series]")];
    if (!boxes.some((box) => box.checked)) for (const box of boxes) box.checked = true; // no line is no view
    const asked = new URLSearchParams(new FormData(this.form));
    for (const [name, usual] of [["x", "step"], ["y", "linear"], ["smooth", "0"], ["from", ""], ["to", ""], ["metric", this.form.elements.metric?.dataset.usual]]) if (asked.get(name) === usual) asked.delete(name);
    if (boxes.every((box) => box.checked)) asked.delete("series");
    return asked.toString().replaceAll("%2F", "/").replaceAll("%2C", ","); // as the links of the page have it
  }
  async show() {
    this.form.dataset.keep = "";
    if (this.busy) return (this.again = true);
    delete this.form.dataset.keep;
    const query = this.query, search = query && `?${query}`;
    [this.busy, this.again] = [true, false];
    history.replaceState(history.state, "", `${location.pathname}${search}${location.hash}`);
    const ask = new CustomEvent("region:show", { detail: { url: `${this.dataset.points}${search}`, target: document.getElementById(this.dataset.part) ?? this.closest("section") } });
    document.dispatchEvent(ask);
    await ask.detail.shown;
    this.busy = false;
    if (this.again) this.show();
    else if (`${new URLSearchParams(this.dataset.shown)}` !== `${new URLSearchParams(query)}`) location.reload(); // no answer: the browser tells why
  }
}
customElements.define("metric-view", MetricView);
