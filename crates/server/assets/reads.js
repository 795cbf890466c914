// How far conversations are read, so that all devices of a person agree: tells the server what was seen here, hears
// what was read elsewhere, and asks what is unread where the browser cannot know it.
//
// A server that was set back has other messages at the places that we know, and a cursor never falls: told of such a
// place, it would take for read what nobody has seen. So nothing is told before our past is known to be that of the server.

import { Backoff } from "./backoff.js";
import { cursorOf, cursorsIn, reportRead, unreadIn } from "./conversations.js";
import { Refused } from "./http.js";

const FIRST_MS = 60;
// Whoever reads along in a lively group reports so often.
const AGAIN_MS = 1_000;

export class Reads {
  #me;
  #book;
  #life;
  #isSure;
  #unreported = new Set();
  #doubted = new Set();
  #timer = 0;
  #running = false;
  #reported = -Infinity;
  #backoff = new Backoff();

  /** `isSure` says whether the places that we know are of the past of the server; `assured` is called when they are. */
  constructor(me, book, connection, life, isSure) {
    this.#me = me;
    this.#book = book;
    this.#life = life;
    this.#isSure = isSure;
    book.on("read", ({ key }) => this.#plan(this.#unreported, key), life);
    book.on("doubt", ({ key }) => this.#plan(this.#doubted, key), life);
    connection.on("message", ({ channel, text }) => channel === `$read:${me}` && this.#hear(text));
    life.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** Finds out how far both of a pair have read which the list has not shown yet. */
  async look(entry) {
    if (entry.kind !== "direct" || entry.listed) return;
    try {
      for (const { member, read } of await cursorsIn(entry, this.#me)) this.#take(entry.key, member, read);
    } catch (error) {
      console.warn("how far a conversation is read is not known now", error);
    }
  }

  #hear(text) {
    try {
      const { key, member, read } = cursorOf(JSON.parse(text));
      if (key !== null) this.#take(key, member, read);
    } catch (error) {
      console.warn("what was read elsewhere cannot be understood", error);
    }
  }

  #take(key, member, read) {
    if (member === this.#me) this.#book.readTo(key, read);
    else this.#book.peerReadTo(key, read);
  }

  #plan(keys, key) {
    keys.add(key);
    this.#later(Math.max(FIRST_MS, this.#reported + AGAIN_MS - performance.now()));
  }

  #later(wait) {
    if (this.#running || this.#life.aborted) return;
    this.#timer ||= setTimeout(() => this.#run(), wait);
  }

  /** The places that we know are of the past of the server: what has waited for that is told. */
  assured() {
    this.#backoff.reset();
    if (this.#unreported.size + this.#doubted.size === 0) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#later(FIRST_MS);
  }

  /** The server has other messages than those that were read: of these it is told nothing. */
  startOver() {
    this.#unreported.clear();
    this.#doubted.clear();
  }

  /** Reports first: what is unread is counted from there. */
  async #run() {
    if (!this.#isSure()) return void (this.#timer = 0);
    [this.#timer, this.#running, this.#reported] = [0, true, performance.now()];
    let wait = AGAIN_MS;
    try {
      await this.#each(this.#unreported, async (entry) => {
        await reportRead(entry, this.#me, entry.readPlace);
        if (entry.readPlace < entry.top) this.#doubted.add(entry.key);
      });
      const late = new Set();
      await this.#each(this.#doubted, async (entry) => {
        const answer = await unreadIn(entry, this.#me);
        // Something came meanwhile that the answer does not count.
        if (!this.#book.count(entry, answer) && answer.latest < entry.top) late.add(entry.key);
      });
      for (const key of late) this.#doubted.add(key);
      if (late.size > 0) wait = Math.max(wait, this.#backoff.next());
      else this.#backoff.reset();
    } catch (error) {
      console.warn("what is read is not told or known now", error);
      wait = Math.max(this.#backoff.next(), error.retryAfter ?? 0);
    }
    this.#running = false;
    if (this.#unreported.size + this.#doubted.size > 0) this.#later(wait);
  }

  /** Does it for each key, and takes it out; one that the server refuses for good is left, as one it never heard of. */
  async #each(keys, work) {
    for (const key of [...keys]) {
      if (this.#life.aborted || !this.#isSure()) return;
      keys.delete(key);
      const entry = this.#book.conversations.get(key);
      if (!entry || entry.kind === "unknown") continue;
      try {
        await work(entry);
      } catch (error) {
        if (error instanceof Refused && error.permanent) continue;
        keys.add(key);
        throw error;
      }
    }
  }
}
