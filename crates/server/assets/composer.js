// The field in which a message is written, or one that was sent is written anew. Each conversation keeps its own draft.

import { composing, icon } from "./dom.js";
import { shownName } from "./name.js";

const TEXT_LENGTH_MAX = 8_000;
// From here on it is said how many are left.
const NEAR = 500;

const count = new Intl.NumberFormat("en");

/**
 * Calls `onsend` with the text, `onedited` with a record and its new text, which rejects when that fails; `newest` gives
 * the newest record that can be edited, if there is one. What is too long stays in the field, whole, until the person has
 * shortened it.
 */
export class Composer {
  #drafts;
  #key = null;
  #obstacle = null;
  #editing = null;

  constructor(root, drafts, { onsend, onedited, newest }) {
    this.#drafts = drafts;
    this.form = root.querySelector("#composer");
    this.field = root.querySelector("#text");
    this.button = root.querySelector("#send");
    this.hint = root.querySelector("#composer-hint");
    this.editing = root.querySelector("#editing");
    Object.assign(this, { onsend, onedited, newest });
    root.querySelector("#editing-cancel").addEventListener("click", () => this.leave());
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.field.addEventListener("input", () => {
      this.#keep();
      this.#grow();
    });
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** Writes to another conversation; `obstacle` says why that cannot be. */
  open(entry, obstacle) {
    this.leave();
    this.#key = entry.key;
    this.field.value = this.#drafts.read(entry.key);
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

  #edits(record) {
    this.#editing = record;
    this.editing.hidden = record === null;
    const word = record === null ? "Send" : "Save";
    this.button.setAttribute("aria-label", word);
    this.button.title = `${word} (Enter)`;
    this.button.querySelector("path").replaceWith(icon(record === null ? "send" : "check").firstChild);
  }

  /** Nothing is written here any more. */
  close() {
    this.leave();
    this.#key = null;
  }

  /** Writes a message anew that was sent; what was begun meanwhile comes back afterwards. */
  edit(record) {
    if (this.field.disabled) return;
    this.#edits(record);
    this.field.value = record.message.text;
    this.#grow();
    this.focus();
  }

  /** Leaves a message as it is; with a record only that one. */
  leave(record = this.#editing) {
    if (this.#editing === null || record !== this.#editing) return;
    this.#edits(null);
    this.field.readOnly = false;
    this.field.value = this.#key === null ? "" : this.#drafts.read(this.#key);
    this.#grow();
    this.focus();
  }

  #keep() {
    if (this.#key !== null && this.#editing === null) this.#drafts.write(this.#key, this.field.value);
  }

  #pressed(event) {
    if (composing(event)) return;
    if (event.key === "Enter" && !event.shiftKey) this.#submit(event);
    else if (event.key === "Escape" && this.#editing !== null) {
      event.preventDefault();
      this.leave();
    } else if (event.key === "ArrowUp" && this.#editing === null && this.field.value === "") {
      const record = this.newest();
      if (!record) return;
      event.preventDefault();
      this.edit(record);
    }
  }

  #submit(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (text === "" || this.field.disabled || this.field.readOnly || text.length > TEXT_LENGTH_MAX) return;
    if (this.#editing !== null) return this.#save(this.#editing, text);
    this.field.value = "";
    this.#keep();
    this.#grow();
    this.onsend(text);
    this.focus();
    return undefined;
  }

  /** What the server does not take stays in the field. */
  async #save(record, text) {
    if (text === record.message.text) return this.leave(record);
    this.field.readOnly = true;
    try {
      await this.onedited(record, text);
      this.leave(record);
    } catch {
      // Whoever sent it on its way has said why it failed.
      if (this.#editing === record) this.field.readOnly = false;
    }
    return undefined;
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
