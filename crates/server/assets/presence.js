// Who is online: a snapshot, then changes. The channel is bound before the snapshot is asked for, so what happens in
// between is known twice rather than not at all.

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { isName } from "./name.js";

const CHANNEL = "$presence";

/** Emits `change`, and `partial` when more people are online than a snapshot lists. */
export class Presence extends Emitter {
  #connection;
  #life;
  // Changes since the server was asked, while its answer is awaited.
  #early = null;
  #position = 0;
  // Counts the questions: only the answer to the last one is taken.
  #asked = 0;
  #backoff = new Backoff();
  #timer = 0;

  constructor(connection, life) {
    super();
    this.#connection = connection;
    this.#life = life;
    this.online = new Set();
    /** How many are online, also those beyond what the snapshot lists. */
    this.count = 0;
    this.fresh = false;
    connection.bind(CHANNEL);
    connection.on("open", () => this.#snapshot());
    connection.on("message", ({ channel, text }) => channel === CHANNEL && this.#heard(JSON.parse(text)));
    connection.on("state", (state) => state !== "open" && this.#lost());
    life.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** The next connection asks again, and until then nobody does. */
  #lost() {
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#backoff.reset();
    this.#doubt();
  }

  /** What is known may be wrong. Changes are applied to it all the same: the next answer takes its place. */
  #doubt() {
    const early = this.#early ?? [];
    this.#early = null;
    this.fresh = false;
    for (const event of early) this.#apply(event);
    this.emit("change");
  }

  async #snapshot() {
    clearTimeout(this.#timer);
    const asked = (this.#asked += 1);
    // Changes that come before the answer are kept, and applied to it by their positions. Those that were kept for an
    // older question are in the answer to this one.
    this.#early = [];
    try {
      const answer = await this.#connection.call("who");
      if (asked === this.#asked) this.#know(answer);
    } catch (error) {
      if (asked !== this.#asked || this.#life.aborted) return;
      console.warn("who is online is not known now", error);
      this.#doubt();
      // The connection may stay open for hours, so nothing else would ask.
      this.#timer = setTimeout(() => this.#snapshot(), this.#backoff.next());
    }
  }

  #know({ ids, count, position }) {
    this.online = new Set(ids.filter(isName));
    this.count = Number(count);
    this.#position = Number(position);
    const early = this.#early;
    this.#early = null;
    this.fresh = true;
    this.#backoff.reset();
    for (const event of early) this.#apply(event);
    this.emit("change");
    if (this.count > this.online.size) this.emit("partial");
  }

  /** Takes what was found out about people whom the snapshot had no room for. */
  note(statuses) {
    for (const { id, status } of statuses) if (status === "ONLINE") this.online.add(id);
    this.emit("change");
  }

  #heard(event) {
    // The server missed some changes itself: ask again.
    if (event.lagged) this.#snapshot();
    else if (this.#early) this.#early.push(event);
    else if (this.#apply(event)) this.emit("change");
  }

  #apply({ id, status, position }) {
    if (!(Number(position) > this.#position) || !isName(id)) return false;
    this.#position = Number(position);
    if (status === "ONLINE") this.online.add(id);
    else this.online.delete(id);
    this.count = Math.max(this.online.size, this.count + (status === "ONLINE" ? 1 : -1));
    return true;
  }
}
