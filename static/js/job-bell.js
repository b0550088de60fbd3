// <job-bell> keeps the count of failures in title and icon and, where somebody asked for it, tells
// this computer of jobs that ended. While that is off it asks the server for nothing.
const ON = "tunebell:bell-on", MARK = "tunebell:bell-mark", ASKED = "tunebell:bell-asked", COUNT = "tunebell:bell-count";
const INTERVAL_MS = 15_000;
const canNotify = "Notification" in window && "locks" in navigator; // neither without https
const isOn = () => canNotify && localStorage.getItem(ON) === "1" && Notification.permission === "granted";

function show(count) {
  const icon = document.querySelector("link[rel=icon]");
  document.title = (count ? `(${count}) ` : "") + document.title.replace(/^\(\d+\+?\) /, "");
  if (icon?.dataset.marked) icon.href = count ? icon.dataset.marked : icon.dataset.plain;
}

class JobBell extends HTMLElement {
  connectedCallback() {
    if (!canNotify) return;
    this.box = this.querySelector("input");
    this.firstElementChild.hidden = false;
    this.box.checked = isOn();
    this.box.addEventListener("change", () => this.turn());
    this.timer = setInterval(() => this.ask(), INTERVAL_MS);
    window.addEventListener("online", this);
    window.addEventListener("storage", this);
    this.ask();
  }
  disconnectedCallback() {
    clearInterval(this.timer);
    window.removeEventListener("online", this);
    window.removeEventListener("storage", this);
  }
  handleEvent(event) {
    if (event.type === "online") this.ask();
    else if (event.key === ON) this.box.checked = isOn();
    else if (event.key === COUNT) show(event.newValue);
  }
  async turn() {
    const isGranted = this.box.checked && (await Notification.requestPermission()) === "granted";
    this.querySelector("[role=status]").textContent = isGranted || !this.box.checked ? "" : this.dataset.refused;
    this.box.checked = isGranted;
    if (isGranted) [MARK, ASKED].forEach((key) => localStorage.removeItem(key)); // begins now
    localStorage.setItem(ON, isGranted ? "1" : "0");
    this.ask();
  }
  // One tab at a time, and none that comes shortly after another: each ending is told once.
  async ask() {
    if (!isOn() || !navigator.onLine) return;
    await navigator.locks.request("tunebell:bell", { ifAvailable: true }, async (lock) => {
      const age = Date.now() - Number(localStorage.getItem(ASKED));
      if (!lock || (age >= 0 && age < INTERVAL_MS / 2)) return;
      localStorage.setItem(ASKED, String(Date.now()));
      try { await this.hear(localStorage.getItem(MARK) ?? ""); } catch { /* no answer: the next time */ }
    });
  }
  async hear(mark) {
    const headers = { "HX-PTag": this.tag ?? "" };
    const answer = await fetch(`${this.dataset.url}?after=${mark}`, { headers, cache: "no-store" });
    if (answer.redirected || answer.status === 403) clearInterval(this.timer); // signed out
    if (answer.redirected || answer.status !== 200) return;
    const news = await answer.json();
    this.tag = answer.headers.get("HX-PTag");
    if (!isOn()) return;
    localStorage.setItem(MARK, news.after);
    localStorage.setItem(COUNT, news.unseen);
    show(news.unseen);
    for (const notice of news.notices) this.notify(notice);
  }
  notify({ tag, title, body, url }) {
    try {
      const shown = new Notification(title, { tag, body });
      shown.addEventListener("click", () => { shown.close(); window.open(url); });
    } catch { /* phones show notifications of service workers only */ }
  }
}
customElements.define("job-bell", JobBell);

document.addEventListener("htmx:after:swap", () => {
  const region = document.querySelector("[data-unseen]");
  if (region) show(region.dataset.unseen);
});
