// <copy-button> copies the value of the button inside it and says so.
class CopyButton extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
  }
  async handleEvent(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const copied = await this.write(button.value);
    button.textContent = copied ? "Copied" : "Select and copy";
    const announcer = document.getElementById("announcer");
    if (announcer && copied) announcer.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }
  async write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const code = this.previousElementSibling;
      if (code) getSelection().selectAllChildren(code);
      return false;
    }
  }
}
customElements.define("copy-button", CopyButton);
