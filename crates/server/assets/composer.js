// The field in which a message is written. Each conversation keeps its own draft.

import { composing } from "./dom.js";
import { shownName } from "./name.js";

const TEXT_LENGTH_MAX = 8_000;
// From here on it is said how many are left.
const NEAR = 500;

const count = new Intl.NumberFormat("en");

/** Calls `onsend` with the text. What is too long stays in the field, whole, until the person has shortened it. */
export class Composer {
  #drafts = new Map();
  #key = null;
  #obstacle = null;

  constructor(root, onsend) {
    this.form = root.querySelector("#composer");
    this.field = root.querySelector("#text");
    this.button = root.querySelector("#send");
    this.hint = root.querySelector("#composer-hint");
    this.onsend = onsend;
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.field.addEventListener("input", () => this.#grow());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !composing(event)) this.#submit(event);
    });
  }

  /** Writes to another conversation; `obstacle` says why that cannot be. */
  open(entry, obstacle) {
    this.#keep();
    this.#key = entry.key;
    this.field.value = this.#drafts.get(entry.key) ?? "";
    this.field.setAttribute("aria-label", `Message to ${shownName(entry.title)}`);
    this.#obstacle = undefined;
    this.obstruct(obstacle);
  }

  /** Says why nothing can be written here, or `null`. */
  obstruct(obstacle) {
    if (obstacle === this.#obstacle) return;
    this.#obstacle = obstacle;
    this.field.disabled = obstacle !== null;
    this.field.placeholder = obstacle === null ? "Write a message" : "";
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
    if (text === "" || this.field.disabled || text.length > TEXT_LENGTH_MAX) return;
    this.field.value = "";
    this.#grow();
    this.onsend(text);
    this.focus();
  }

  #grow() {
    const { length } = this.field.value.trim();
    this.button.disabled = length === 0 || length > TEXT_LENGTH_MAX || this.field.disabled;
    this.#say(this.#obstacle ?? lengthHint(length), length > TEXT_LENGTH_MAX);
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 180)}px`;
  }

  #say(hint, problem) {
    if (this.hint.textContent !== hint) this.hint.textContent = hint;
    this.hint.classList.toggle("is-problem", problem);
    if (problem) this.field.setAttribute("aria-invalid", "true");
    else this.field.removeAttribute("aria-invalid");
  }
}

function lengthHint(length) {
  const left = TEXT_LENGTH_MAX - length;
  if (left < 0) {
    return `Too long to send: ${count.format(length)} characters, and a message has at most ${count.format(TEXT_LENGTH_MAX)}. Shorten it by ${count.format(-left)}, or send it in parts. Nothing was sent or cut.`;
  }
  return left > NEAR ? "" : `${count.format(left)} characters left`;
}
