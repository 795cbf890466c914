// Says what happens to those who do not see it, and shows short notices to those who do.

import { shownName } from "./name.js";

const NOTICE_MS = 7_000;
// A slow reader needs so long for a letter.
const LETTER_MS = 120;

/** Reads new messages out, the latest of a burst. */
export class Announcer {
  #notice = 0;

  constructor(root) {
    this.spoken = root.querySelector("#spoken");
    this.notice = root.querySelector("#notice");
    this.composer = root.querySelector("#composer");
  }

  message(entry, message) {
    const where = entry.kind === "group" ? ` in ${shownName(entry.title)}` : "";
    this.spoken.textContent = `${shownName(message.from ?? "Unknown")}${where}: ${message.text.slice(0, 200)}`;
  }

  say(text) {
    clearTimeout(this.#notice);
    this.notice.textContent = text;
    // Over what one writes with there would be no way to answer it.
    this.notice.style.setProperty("--below", `${this.composer.offsetHeight}px`);
    this.notice.hidden = false;
    this.#notice = setTimeout(() => (this.notice.hidden = true), Math.max(NOTICE_MS, text.length * LETTER_MS));
  }
}
