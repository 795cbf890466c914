// Reads the user's inbox: every entry once, in order, nothing missed, whatever happens to the connection.

import { Backoff } from "./backoff.js";
import { Refused, sync } from "./http.js";

const PAGE = 500;
// More than so many at once were missed, and are not news.
const LIVE_MAX = 3;

/** Hands each entry to `apply` once the one before it was; `latest` says where the reading begins. */
export class Inbox {
  #running = null;
  #asked = 0;

  constructor(member, last, apply) {
    this.member = member;
    this.last = last;
    this.apply = apply;
  }

  /** An entry that the server pushed. The next one is applied at once; one after a gap makes us ask. */
  push(entry) {
    if (entry.sequence === this.last + 1 && !this.#running) this.#take(entry, true);
    else if (entry.sequence > this.last) this.catchUp();
  }

  /** Begins again at the first entry: the server has another store than the one we read. */
  restart() {
    this.last = 0;
  }

  /** Reads until nothing is missing that was there at the time of this call; resolves then. */
  catchUp() {
    this.#asked += 1;
    this.#running ??= this.#run().finally(() => (this.#running = null));
    return this.#running;
  }

  async #run() {
    const backoff = new Backoff({ first: 300, most: 10_000 });
    for (;;) {
      const { asked, last } = { asked: this.#asked, last: this.last };
      try {
        const { latest, entries } = await sync(this.member, last, PAGE);
        backoff.reset();
        const live = last > 0 && entries.length <= LIVE_MAX;
        for (const entry of entries) if (entry.sequence === this.last + 1) this.#take(entry, live);
        const done = entries.length === 0 || this.last >= latest;
        if (done && this.last >= last && asked === this.#asked) return;
      } catch (error) {
        if (error instanceof Refused && error.permanent) {
          console.error("the inbox cannot be read", error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, backoff.next()));
      }
    }
  }

  #take(entry, live) {
    this.last = entry.sequence;
    this.apply(entry, live);
  }
}
