// <job-keys> gives single-key shortcuts and shows their list. Off in inputs, with modifiers, and by choice.
const KEY = "tunebell:keys-off";
const pages = { j: "/jobs/", a: "/alerts/", c: "/connections/" };
const isTyping = (element) => element.closest("input:not([type=checkbox]), select, textarea, dialog, [contenteditable]");

class JobKeys extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    const box = this.querySelector("input[type=checkbox]");
    box.checked = localStorage.getItem(KEY) !== "1";
    box.addEventListener("change", () => localStorage.setItem(KEY, box.checked ? "0" : "1"));
    document.addEventListener("keydown", this);
    for (const opener of document.querySelectorAll("[data-open-keys]")) {
      opener.hidden = false;
      opener.addEventListener("click", () => this.dialog.showModal());
    }
  }
  disconnectedCallback() { document.removeEventListener("keydown", this); }
  handleEvent(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (localStorage.getItem(KEY) === "1" || !this.press(event.key)) return;
    event.preventDefault();
  }
  press(key) {
    const afterG = this.afterG;
    this.afterG = key === "g";
    if (afterG && pages[key]) location.assign(pages[key]);
    else if (key === "?") this.dialog.showModal();
    else if (key === "/") return this.focusOn(document.querySelector("input[type=search]"));
    else if (key === "j") this.move(1);
    else if (key === "k") this.move(-1);
    else if (key === "f") this.move(1, "tr.is-failed ");
    else if (key === "x") return this.tick();
    else if (key === "c") return this.compare();
    else if (key === "r") document.dispatchEvent(new CustomEvent("keys:pause"));
    else if (key === "t") document.dispatchEvent(new CustomEvent("theme:toggle"));
    else return key === "g";
    return true;
  }
  move(by, among = "") {
    const links = [...document.querySelectorAll(`${among}.jobs .name, .jobs ${among}.name`)];
    const all = [...document.querySelectorAll(".jobs .name")];
    const here = all.indexOf(document.activeElement);
    const isFresh = here < 0 && !among; // begins where rows can be ticked, below what is pinned
    const next = by > 0
      ? links.find((link) => (isFresh ? link.closest("#ticked") : all.indexOf(link) > here)) ?? links[0]
      : links.findLast((link) => all.indexOf(link) < here) ?? links.at(-1);
    this.focusOn(next);
  }
  tick() {
    const row = document.activeElement.closest(".jobs tr");
    const box = row && document.getElementById(row.id.replace("s", "r"))?.querySelector("input");
    if (!box) return false;
    box.checked = !box.checked;
    return box.closest("tr") === row || this.note(`${box.checked ? "Ticked" : "Unticked"} in the list below.`);
  }
  compare() {
    const button = document.querySelector("[data-compare]");
    if (!button) return false;
    const ticked = document.querySelectorAll("#ticked tbody :checked").length;
    if (ticked < 2 && !document.querySelector(".every :checked")) return this.note(`Tick at least 2 jobs to compare them; ${ticked || "none"} is ticked.`);
    button.click();
    return true;
  }
  note(text) {
    document.querySelector("[data-bulk-note]").textContent = text;
    return true;
  }
  focusOn(element) {
    element?.focus();
    return Boolean(element);
  }
}
customElements.define("job-keys", JobKeys);
