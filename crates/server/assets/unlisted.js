// Who is online of those whom a snapshot of presence has no room for. The server is asked about somebody when they are
// looked at. While one question is under way the others wait and become one, however fast somebody types.

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { statuses } from "./http.js";

// Names in one question, and their letters as they stand in an address.
const NAMES_MAX = 100;
const LETTERS_MAX = 4_000;
// More than the list has conversations: those who are shown must not push each other out, or they are asked about for ever.
const AWAY_MAX = 20_000;

/** Emits `answered` with the names that are online, and `again` when people may be looked at once more after a failure. */
export class Unlisted extends Emitter {
  #life;
  #away = new Set();
  #wanted = new Set();
  /** Whom the question under way is about, without those of whom something was heard since. */
  #question = new Set();
  /** Tells the questions about one snapshot from those about another; `null` while nothing is to be asked. */
  #round = null;
  #backoff = new Backoff();
  #timer = 0;

  constructor(life) {
    super();
    this.#life = life;
    life.addEventListener("abort", () => this.startOver());
  }

  /** Whether somebody is known not to be online. As long as that is not known, the server is asked. */
  isAway(name) {
    if (this.#away.has(name)) return true;
    if (!this.#question.has(name) && !this.#life.aborted) this.#want(name);
    return false;
  }

  /** An event says it, and what the question under way finds out may be older. */
  heard(name, isOnline) {
    this.#question.delete(name);
    this.#wanted.delete(name);
    if (isOnline) this.#away.delete(name);
    else this.#noteAway(name);
  }

  /** There is another snapshot, or none: what was known, and what is on its way, may be older. */
  startOver() {
    clearTimeout(this.#timer);
    this.#round = null;
    for (const names of [this.#away, this.#wanted, this.#question]) names.clear();
  }

  #want(name) {
    // Who was looked at last is asked about first.
    this.#wanted.delete(name);
    this.#wanted.add(name);
    if (this.#round !== null) return;
    this.#round = {};
    this.#ask(this.#round);
  }

  async #ask(round) {
    // All who are looked at in one go are one question.
    await null;
    try {
      while (round === this.#round && this.#wanted.size > 0) {
        const found = await statuses(this.#next());
        if (round === this.#round) this.#take(found);
      }
      if (round === this.#round) this.#round = null;
    } catch (error) {
      if (round === this.#round) this.#failed(error);
    }
  }

  #next() {
    let letters = 0;
    const fits = (name) => (letters += encodeURIComponent(name).length) <= LETTERS_MAX;
    const names = [...this.#wanted].slice(-NAMES_MAX).toReversed().filter(fits);
    for (const name of names) this.#wanted.delete(name);
    this.#question = new Set(names);
    return names;
  }

  #take(found) {
    const online = new Set(found.filter(({ status }) => status === "ONLINE").map(({ id }) => id));
    const names = [...this.#question];
    this.#question.clear();
    this.#backoff.reset();
    // Also whom the answer leaves out: they would be asked about for ever.
    for (const name of names) if (!online.has(name)) this.#noteAway(name);
    this.emit("answered", names.filter((name) => online.has(name)));
  }

  #failed(error) {
    console.warn("who is online is known only in part", error);
    this.#question.clear();
    // Whoever is still looked at then is asked about, and nobody else.
    this.#timer = setTimeout(() => {
      this.#wanted.clear();
      this.#round = null;
      this.emit("again");
    }, Math.max(this.#backoff.next(), error.retryAfter ?? 0));
  }

  #noteAway(name) {
    this.#away.add(name);
    if (this.#away.size > AWAY_MAX) this.#away.delete(this.#away.values().next().value);
  }
}
