// When people who are not online were last seen. The server is asked about whom one looks at, and again once they have
// come and gone.

import { Emitter } from "./emitter.js";
import { lastSeen } from "./http.js";

const AGAIN_MS = 10_000;

/** Emits `change`. */
export class LastSeen extends Emitter {
  #presence;
  #life;
  /** For each name: when they were last seen, or `null`; `undefined` while the server is asked. */
  #known = new Map();

  constructor(presence, life) {
    super();
    this.#presence = presence;
    this.#life = life;
    presence.on("change", () => this.#forget(), life);
  }

  /** When somebody was last seen, in milliseconds, or `null` if nobody knows it (yet). */
  of(name) {
    if (!this.#known.has(name)) this.#ask(name);
    return this.#known.get(name) ?? null;
  }

  #forget() {
    for (const name of this.#known.keys()) if (this.#presence.online.has(name)) this.#known.delete(name);
  }

  async #ask(name) {
    this.#known.set(name, undefined);
    try {
      const at = await lastSeen(name);
      if (this.#known.has(name)) this.#known.set(name, at);
      this.emit("change");
    } catch (error) {
      console.warn("when somebody was last seen is not known now", error);
      setTimeout(() => this.#life.aborted || this.#known.delete(name), AGAIN_MS);
    }
  }
}
