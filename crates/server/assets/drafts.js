// What a person has begun to write and not sent, for each conversation. It outlasts a reload; the tabs of a user share it.

import { Stored } from "./storage.js";

const DRAFTS_MAX = 100;
// What is longer was pasted, and lies somewhere else.
const LENGTH_MAX = 20_000;
const SAVE_MS = 300;

export class Drafts {
  #stored;
  #texts = new Map();
  /** What was written here since it was last kept. */
  #changed = new Set();
  #timer = 0;

  constructor(me, life) {
    this.#stored = new Stored(me, "drafts");
    this.#merge(this.#stored.read());
    this.#stored.watch((theirs) => this.#merge(theirs), life);
    addEventListener("pagehide", () => this.#save(), { signal: life });
    life.addEventListener("abort", () => this.#save());
  }

  read(key) {
    return this.#texts.get(key) ?? "";
  }

  /** Keeps a text, a moment later; an empty one is none. */
  write(key, text) {
    if (this.read(key) === text) return;
    // Those that were written last are at the end.
    this.#texts.delete(key);
    if (text !== "") this.#texts.set(key, text);
    this.#changed.add(key);
    this.#timer ||= setTimeout(() => this.#save(), SAVE_MS);
  }

  /** Keeps nothing in this browser, also nothing of what was kept before. */
  forget() {
    this.#stored.forget();
  }

  #save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#changed.size === 0) return;
    this.#merge(this.#stored.read());
    this.#changed.clear();
    const kept = [...this.#texts].filter(([, text]) => text.length <= LENGTH_MAX).slice(-DRAFTS_MAX);
    if (kept.length === 0) this.#stored.clear();
    else this.#stored.write(Object.fromEntries(kept));
  }

  /** Takes over what another tab wrote, but for what was written here since. */
  #merge(kept) {
    const theirs = new Map(typeof kept === "object" && kept !== null ? Object.entries(kept) : []);
    for (const key of new Set([...this.#texts.keys(), ...theirs.keys()])) {
      const text = theirs.get(key);
      if (this.#changed.has(key)) continue;
      if (typeof text === "string" && text !== "") this.#texts.set(key, text);
      else this.#texts.delete(key);
    }
  }
}
