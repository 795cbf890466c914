// What can be done with a message that one has sent: two buttons beside it. They are one stop of the tab key for all
// messages together, those of the newest one, and arrows lead to those of the others.

import { el, icon } from "./dom.js";

const LABEL_LENGTH = 40;

/** The buttons of a message. */
export function changes(record, { edit, remove }) {
  const button = (name, label, run) =>
    el("button", { type: "button", class: `change change-${name}`, tabindex: -1, title: label, "aria-label": `${label}: ${shortened(record.message.text)}`, onclick: run }, icon(name));
  return el("span", { class: "changes" }, button("edit", "Edit", () => edit(record)), button("remove", "Delete", () => remove(record)));
}

/** Leads the keyboard through the buttons of a list of messages. */
export class ChangeKeys {
  #list;
  #key = null;

  constructor(list) {
    this.#list = list;
    list.addEventListener("keydown", (event) => this.#move(event));
    list.addEventListener("focusin", ({ target }) => {
      if (!target.classList.contains("change")) return;
      this.#key = keyOf(target);
      this.rove();
    });
  }

  /** Chooses the one message whose buttons the tab key stops at: that which was last there, or the newest. */
  rove() {
    const buttons = [...this.#list.querySelectorAll(".change")];
    const last = buttons.length > 0 ? keyOf(buttons.at(-1)) : null;
    const chosen = buttons.some((button) => keyOf(button) === this.#key) ? this.#key : last;
    for (const button of buttons) button.tabIndex = keyOf(button) === chosen ? 0 : -1;
  }

  #move(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined || !event.target.classList.contains("change")) return;
    const sort = event.target.classList.contains("change-edit") ? ".change-edit" : ".change-remove";
    const buttons = [...this.#list.querySelectorAll(sort)];
    const next = buttons[buttons.indexOf(event.target) + step];
    event.preventDefault();
    next?.focus();
  }
}

function keyOf(button) {
  return button.closest(".message").dataset.key;
}

function shortened(text) {
  return text.length > LABEL_LENGTH ? `${text.slice(0, LABEL_LENGTH).toWellFormed()}…` : text;
}
