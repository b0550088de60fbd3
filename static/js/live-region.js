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
  say() {
    const live = this.region?.dataset.live;
    this.bar.hidden = !live;
    const age = Math.round((Date.now() - this.updatedAt) / 1000);
    const text = this.failure ?? `Updated ${age < 2 ? "now" : `${age} s ago`}`;
    this.querySelector("[data-live-note]").textContent = isPaused() ? `Paused, ${text.toLowerCase()}` : text;
    this.button.textContent = isPaused() ? "Resume updates" : "Pause updates";
    this.button.setAttribute("aria-pressed", String(isPaused()));
  }
  heard(trouble, seconds) {
    if (!trouble) this.updatedAt = Date.now();
    this.failure = trouble ? `Could not refresh (${trouble}). Next try in ${seconds} s.` : undefined;
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
const tell = (region, trouble) => document.querySelector(`live-region[for="${region?.id}"]`)?.heard(trouble, region.dataset.live);
const answered = (event) => event.detail.ctx?.response?.status;
document.addEventListener("htmx:after:request", (event) => tell(regionOf(event), answered(event) < 400 ? "" : answered(event)));
document.addEventListener("htmx:error", (event) => tell(regionOf(event), answered(event) ? "answer not understood" : "no answer"));
let known = document.querySelector("[data-news]")?.dataset.news; // what a page opens with is no news
document.addEventListener("htmx:after:swap", () => {
  const news = document.querySelector("[data-news]")?.dataset.news;
  if (news && news !== known) document.getElementById("announcer").textContent = news;
  known = news;
});
document.addEventListener("keys:pause", () => document.querySelector("live-region")?.toggle());
