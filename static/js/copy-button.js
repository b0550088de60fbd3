// <copy-button> copies the value of the button inside it, or the text of what it is `for`, and says so.
class CopyButton extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
  }
  async handleEvent(event) {
    const button = event.target.closest("button");
    if (!button) return;
    this.label ??= button.textContent;
    const copied = await this.write(this.text ?? button.value, button);
    button.textContent = copied ? "Copied" : "Select and copy";
    const announcer = document.getElementById("announcer");
    if (announcer && copied) announcer.textContent = "Copied";
    setTimeout(() => { button.textContent = this.label; }, 1500);
  }
  get text() { return document.getElementById(this.getAttribute("for"))?.textContent; }
  async write(text, button) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return this.writeWithoutClipboard(text, button);
    }
  }
  // Browsers give no clipboard to sites without TLS, which a monitor at home often is.
  writeWithoutClipboard(text, button) {
    const area = document.createElement("textarea");
    area.className = "visually-hidden";
    area.value = text;
    this.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    button.focus();
    const shown = this.previousElementSibling;
    if (!copied && shown) getSelection().selectAllChildren(shown);
    return copied;
  }
}
customElements.define("copy-button", CopyButton);
