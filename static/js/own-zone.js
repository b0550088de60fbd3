// <own-zone for="id"> offers the time zone of this browser for a field, unless it is there already.
class OwnZone extends HTMLElement {
  connectedCallback() {
    const field = document.getElementById(this.getAttribute("for"));
    const button = this.querySelector("button");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || zone === field.value) return;
    button.querySelector("span").textContent = zone;
    this.hidden = false;
    button.addEventListener("click", () => {
      field.value = zone;
      this.hidden = true;
      field.focus();
    });
  }
}
customElements.define("own-zone", OwnZone);
