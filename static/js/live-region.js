// <live-region for="id"> says how old the region is, pauses its refresh, and skips polls that would disturb.
const KEY = "tunebell:paused";
const isPaused = () => localStorage.getItem(KEY) === "1";

function disturbs(region) {
  const selection = getSelection();
  const selected = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  const active = document.activeElement;
  const focused = active !== region && region.contains(active) && !active.closest("[data-keep]");
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
    this.button.textContent = isPaused() ? "Resume" : "Pause";
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

const barOf = (region) => document.querySelector(`live-region[for="${region.id}"]`);

document.addEventListener("htmx:before:request", (event) => {
  const region = event.target.closest?.("[data-live]");
  if (region && disturbs(region)) event.preventDefault();
});
document.addEventListener("htmx:before:response", (event) => {
  // A redirect here leads to the sign-in page, which is no fragment of ours.
  if (event.detail.ctx.response.raw.redirected) {
    event.preventDefault();
    location.reload();
  }
});
document.addEventListener("htmx:after:request", (event) => {
  const region = event.target.closest?.("[data-live]");
  if (region) barOf(region)?.heard(event.detail.ctx.response.status, region.dataset.live);
});
document.addEventListener("htmx:error", (event) => {
  const region = event.target.closest?.("[data-live]");
  if (region) barOf(region)?.heard(500, region.dataset.live);
});
document.addEventListener("htmx:after:swap", () => {
  const news = document.querySelector("[data-news]")?.dataset.news;
  const announcer = document.getElementById("announcer");
  if (news && announcer && announcer.textContent !== news) announcer.textContent = news;
});
document.addEventListener("keys:pause", () => document.querySelector("live-region")?.toggle());
