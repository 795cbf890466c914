// The field in which a message is written. Each conversation keeps its own draft.

const TEXT_LENGTH_MAX = 8_000;

/** Calls `onsend` with the text. */
export class Composer {
  #drafts = new Map();
  #key = null;

  constructor(root, onsend) {
    this.form = root.querySelector("#composer");
    this.field = root.querySelector("#text");
    this.button = root.querySelector("#send");
    this.hint = root.querySelector("#composer-hint");
    this.onsend = onsend;
    this.field.maxLength = TEXT_LENGTH_MAX;
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.field.addEventListener("input", () => this.#grow());
    this.field.addEventListener("keydown", (event) => {
      // Enter also ends a word that is being composed, as in Japanese; that is not a wish to send.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submit(event);
    });
  }

  /** Writes to another conversation; `obstacle` says why that cannot be. */
  open(entry, obstacle) {
    this.#keep();
    this.#key = entry.key;
    this.field.value = this.#drafts.get(entry.key) ?? "";
    this.field.disabled = obstacle !== null;
    this.field.setAttribute("aria-label", `Message to ${entry.title}`);
    this.field.placeholder = obstacle === null ? "Write a message" : "";
    this.hint.textContent = obstacle ?? "";
    this.#grow();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  #keep() {
    if (this.#key !== null) this.#drafts.set(this.#key, this.field.value);
  }

  #submit(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (text === "" || this.field.disabled) return;
    this.field.value = "";
    this.#grow();
    this.onsend(text);
    this.focus();
  }

  #grow() {
    this.button.disabled = this.field.value.trim() === "" || this.field.disabled;
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 180)}px`;
  }
}
