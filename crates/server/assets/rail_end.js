// Where the list of conversations, or of people, stops before its end: it says so, and how to go on.

import { el } from "./dom.js";

/** The row behind the last conversation that is shown. */
export class RailEnd {
  #state = null;

  /** Calls `onmore` when further conversations are wanted, and `onagain` when they are to be asked for again. */
  constructor(onmore, onagain) {
    this.row = el("li", { class: "list-end" });
    Object.assign(this, { onmore, onagain });
  }

  /** Returns the row, or `null` where the list is whole. `hidden` are known and not shown. */
  show({ more, loading, failed }, hidden) {
    const state = hidden ? "more" : failed !== null && !loading ? "failed" : loading && more ? "loading" : more ? "more" : null;
    if (state !== this.#state) this.#fill(state);
    return state === null ? null : this.row;
  }

  #fill(state) {
    this.#state = state;
    const button = (word, run) => el("button", { type: "button", class: "plain", onclick: run }, word);
    if (state === "loading") this.row.replaceChildren(el("span", { role: "status" }, "Reading further conversations…"));
    else if (state === "failed") {
      this.row.replaceChildren(el("span", { role: "status" }, "The list of conversations cannot be read now. "), button("Try again", this.onagain));
    } else this.row.replaceChildren(button("Show more conversations", this.onmore));
  }
}

/** The row behind the last person that is shown, or `null`. `hidden` are online, whether their names are known or not. */
export function peopleEnd(hidden, count) {
  if (hidden <= 0) return null;
  const who = hidden === 1 ? "One more person is" : `${count.format(hidden)} more people are`;
  return el("li", { class: "list-end" }, `${who} online. Type their full name above to find them.`);
}
