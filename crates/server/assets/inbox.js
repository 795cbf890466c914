// Reads the user's inbox: every entry once, in order, nothing missed, whatever happens to the connection.
//
// A position is a sequence and the tag of the entry there. A server whose messages were set back, as by a backup, gives
// the same sequences to other entries; the tag tells. So after each connect nothing that is pushed is applied until
// the server has been asked whether our position is still of its past.

import { Backoff } from "./backoff.js";
import { Refused, sync } from "./http.js";

const PAGE = 500;
// More than so many at once were missed, and are not news.
const LIVE_MAX = 3;
// What a repetition will not mend may be mended by people.
const HOPELESS_MS = 30_000;

/**
 * Hands each entry to `apply` once the one before it was. `restarted` is called when the server has another past than
 * the one we read, before it is read from the beginning; `assured` when it has said that our position is of its past;
 * `passed` when entries are gone that we have not read; `failed` with why the inbox cannot be read now, and with `null`
 * when it can again.
 */
export class Inbox {
  #running = null;
  #asked = 0;
  #sure = false;
  #doubts = 0;
  #restarts = 0;
  #wake = null;
  #stopped = false;

  constructor(member, { sequence, tag, generation }, { apply, restarted, assured, passed, failed }) {
    this.member = member;
    this.last = sequence;
    this.tag = tag;
    this.generation = generation;
    Object.assign(this, { apply, restarted, assured, passed, failed });
  }

  /** Whether the server has said that our position is of its past: until then no place that we know means anything to it. */
  get sure() {
    return this.#sure;
  }

  /** An entry that the server pushed. The next one is applied at once; one after a gap makes us ask. */
  push(entry) {
    const next = entry.sequence === this.last + 1;
    if (next && this.#sure && !this.#running) this.#take(entry, true);
    else if (!(entry.sequence <= this.last && this.#sure)) this.catchUp();
  }

  /** There is a new connection, maybe to a server with another past: it is asked at once. */
  doubt() {
    this.#sure = false;
    this.#doubts += 1;
    this.#wake?.();
  }

  /** Reads no more. */
  stop() {
    this.#stopped = true;
    this.#wake?.();
  }

  /** Begins again at the first entry. */
  restart(generation = null) {
    Object.assign(this, { last: 0, tag: null, generation });
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
      const { asked, doubts, last, tag } = { asked: this.#asked, doubts: this.#doubts, last: this.last, tag: this.tag };
      try {
        const answer = await sync(this.member, { last, tag, count: PAGE });
        if (this.#stopped) return;
        // Begun again meanwhile: the answer is to another question. After a new doubt it may be of another server.
        if (this.last !== last || this.#doubts !== doubts) continue;
        const done = this.#read(answer);
        this.failed(null);
        backoff.reset();
        if (done && asked === this.#asked) return;
      } catch (error) {
        if (this.#stopped) return;
        this.failed(error);
        const wait = error instanceof Refused && error.permanent ? HOPELESS_MS : backoff.next();
        await this.#pause(Math.max(wait, error.retryAfter ?? 0));
        if (this.#stopped) return;
      }
    }
  }

  /** Applies an answer. Returns whether there is nothing more. */
  #read({ latest, entries, reset, generation, floor }) {
    if (!Number.isSafeInteger(latest)) throw new Error("the server's answer cannot be read");
    const last = this.last;
    const another = generation !== null && this.generation !== null && generation !== this.generation;
    if ((last > 0 && (reset || latest < last)) || another) {
      this.restart(generation);
      this.restarted(generation);
      this.#restarts += 1;
      if (this.#restarts > 2) throw new Error("the server shows other messages each time it is asked");
      return false;
    }
    this.generation = generation ?? this.generation;
    if (floor > last) {
      Object.assign(this, { last: floor, tag: null });
      this.passed(last > 0);
    }
    this.#assure();
    const live = last > 0 && entries.length <= LIVE_MAX;
    for (const entry of entries) if (entry.sequence === this.last + 1) this.#take(entry, live);
    if (this.last >= latest) {
      this.#restarts = 0;
      return true;
    }
    // The server waits for one whose writer has died, and closes its place. It was asked as long as a call may wait.
    if (this.last === last) throw new Error("a message in front of others is not there yet");
    return false;
  }

  #assure() {
    if (this.#sure) return;
    this.#sure = true;
    this.assured();
  }

  #pause(time) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #take(entry, live) {
    Object.assign(this, { last: entry.sequence, tag: entry.tag });
    try {
      this.apply(entry, live);
    } catch (error) {
      // One that cannot be applied must not keep those behind it away.
      console.warn("a message is left to the history", error);
    }
  }
}
