// <time-ago> wraps real <time>s, one or a table of them: the server's words are right without it, this keeps them right.
const shown = new Set();
const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function words(time, now) {
  const seconds = Math.round((now - new Date(time.dateTime)) / 1000);
  const distance = Math.abs(seconds);
  if (distance > 7 * 86400) return time.title.slice(0, 10); // the day in the zone of who looks
  if (distance < 5) return "now";
  const [size, unit] = units.find(([size]) => distance >= size);
  const span = `${Math.floor(distance / size)} ${unit}`;
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}

class TimeAgo extends HTMLElement {
  connectedCallback() { shown.add(this); }
  disconnectedCallback() { shown.delete(this); }
  refresh(now) {
    for (const time of this.querySelectorAll("time")) {
      const next = words(time, now);
      if (time.textContent !== next) time.textContent = next;
    }
  }
}

customElements.define("time-ago", TimeAgo);
const refreshAll = () => shown.forEach((element) => element.refresh(new Date()));
setInterval(refreshAll, 30_000);
document.addEventListener("visibilitychange", refreshAll);
