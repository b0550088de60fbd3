// <live-region for="id"> says how old the region is, pauses its refresh, and skips polls that would disturb.
const KEY = "tunebell:paused";
let moved = false; // whether the page's address was changed without leaving it
const isPaused = () => localStorage.getItem(KEY) === "1";

function disturbs(region) {
  const selection = getSelection();
  const selected = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  const active = document.activeElement;
  const focused = active !== region && region.contains(active) && !active.closest("[data-keep], [data-live-on]");
  return document.hidden || isPaused() || selected || focused;
}

class LiveRegion extends HTMLElement {
  connectedCallback() {
    this.bar = this.querySelector(".live-bar");
    this.button = this.querySelector("button");
    this.updatedAt = Date.now();
    this.button.addEventListener("click", () => this.toggle());
    this.timer = setInterval(() => this.say(), 1000);
    this.say();
  }
  disconnectedCallback() { clearInterval(this.timer); }
  get region() { return document.getElementById(this.getAttribute("for")); }
  toggle() {
    localStorage.setItem(KEY, isPaused() ? "0" : "1");
    this.say();
  }
  say(note) {
    const live = this.region?.dataset.live;
    this.bar.hidden = !live;
    if (note) this.failure = note;
    const age = Math.round((Date.now() - this.updatedAt) / 1000);
    const text = this.failure ?? `Updated ${age < 2 ? "now" : `${age} s ago`}`;
    this.querySelector("[data-live-note]").textContent = isPaused() ? `Paused, ${text.toLowerCase()}` : text;
    this.button.textContent = isPaused() ? "Resume updates" : "Pause updates";
    this.button.setAttribute("aria-pressed", String(isPaused()));
  }
  heard(status, seconds) {
    if (status < 400) {
      this.updatedAt = Date.now();
      this.failure = undefined;
    } else {
      this.failure = `Could not refresh (${status || "no answer"}). Next try in ${seconds} s.`;
    }
    this.say();
  }
}
customElements.define("live-region", LiveRegion);

const regionOf = (event) => event.target.closest?.("[data-live]");

// A part of the page asks to be shown as another address has it; the polls follow the page's own.
document.addEventListener("region:show", ({ detail }) => {
  moved = true;
  detail.shown = htmx.ajax("GET", detail.url, { target: detail.target, swap: "outerMorph" });
});
document.addEventListener("htmx:config:request", (event) => {
  if (moved && regionOf(event)) event.detail.ctx.request.action = location.pathname + location.search;
});
document.addEventListener("htmx:before:request", (event) => {
  const region = regionOf(event);
  if (region && disturbs(region)) event.preventDefault();
});
document.addEventListener("htmx:before:response", (event) => {
  // A redirect here leads to the sign-in page, which is no fragment of ours.
  if (event.detail.ctx.response.raw.redirected) {
    event.preventDefault();
    location.reload();
  }
});
const tell = (region, status) => document.querySelector(`live-region[for="${region?.id}"]`)?.heard(status, region.dataset.live);
document.addEventListener("htmx:after:request", (event) => tell(regionOf(event), event.detail.ctx.response.status));
document.addEventListener("htmx:error", (event) => tell(regionOf(event), 500));
document.addEventListener("htmx:after:swap", () => {
  const news = document.querySelector("[data-news]")?.dataset.news;
  const announcer = document.getElementById("announcer");
  if (news && announcer && announcer.textContent !== news) announcer.textContent = news;
});
document.addEventListener("keys:pause", () => document.querySelector("live-region")?.toggle());
