// <theme-switch> changes the theme at once and stores it by the form it sits in.
class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
    document.addEventListener("theme:toggle", this);
  }
  disconnectedCallback() {
    document.removeEventListener("theme:toggle", this);
  }
  handleEvent(event) {
    if (event.type === "theme:toggle") {
      const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
      this.choose(isDark ? "light" : "dark");
      return;
    }
    const button = event.target.closest("button[name=theme]");
    if (!button) return;
    event.preventDefault();
    this.choose(button.value);
  }
  choose(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const button of this.querySelectorAll("button[name=theme]")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
    document.dispatchEvent(new CustomEvent("theme:changed"));
    const form = this.closest("form");
    const body = new FormData(form);
    body.set("theme", theme);
    fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
  }
}
customElements.define("theme-switch", ThemeSwitch);
