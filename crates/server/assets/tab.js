// Which tabs of a user are there. Each holds a lock of the browser under its own name for as long as it lives, so whoever
// waits for that lock hears of its end: when it is closed, reloaded or crashed, and of nothing else. One alone hears it.

import { freshId } from "./protocol.js";

/** This tab, and the ends of others. Without locks, as where a page is not secure, every other tab counts as gone. */
export class Tab {
  #user;
  #life;
  #awaited = new Set();

  constructor(user, life) {
    this.id = freshId();
    this.#user = user;
    this.#life = life;
    this.#lock(this.id, () => {});
  }

  /** Calls back, now or later, if the tab is gone and no other tab was told. */
  whenGone(id, heard) {
    if (id === this.id || this.#awaited.has(id)) return;
    this.#awaited.add(id);
    if (!this.#lock(id, heard)) heard();
  }

  /** Waits for a lock and holds it from then on. Returns whether there are locks. */
  #lock(id, held) {
    const forLife = new Promise((resolve) => this.#life.addEventListener("abort", resolve, { once: true }));
    const hold = () => {
      held();
      return forLife;
    };
    try {
      navigator.locks.request(`tidings:1:${this.#user}:tab:${id}`, { signal: this.#life }, hold).catch((error) => {
        // Ended before it was granted.
        if (error?.name !== "AbortError") console.warn("the end of another tab is not noticed", error);
      });
      return true;
    } catch {
      return false;
    }
  }
}
