// What stands in the way for as long as it does, above everything else, in sentences.

import { el, icon } from "./dom.js";

export class Banner {
  #lines = new Map();

  constructor(root) {
    this.root = root;
  }

  /**
   * Shows a sentence under a key in place of the one that is there, `null` takes it away. A person can close one, or do
   * what it asks for by the button of `action`, { word, run }.
   */
  set(key, text, action = null) {
    const line = this.#lines.get(key);
    if ((line?.text ?? null) === text) return;
    line?.node.remove();
    this.#lines.delete(key);
    if (text === null) return;
    const close = () => node.remove();
    const node = el(
      "p",
      { class: "banner-line", data: { trouble: key } },
      icon("warning"),
      el("span", {}, text),
      action && el("button", { type: "button", class: "plain act", onclick: action.run }, action.word),
      el("button", { type: "button", class: "plain", onclick: close }, "Close"),
    );
    this.#lines.set(key, { text, node });
    this.root.append(node);
  }
}
