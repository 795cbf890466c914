// Who is online: a snapshot, then changes. The channel is bound before the snapshot is asked for, so what happens in
// between is known twice rather than not at all.

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { isName } from "./name.js";
import { Unlisted } from "./unlisted.js";

const CHANNEL = "$presence";

/** Emits `change`. */
export class Presence extends Emitter {
  #connection;
  #life;
  #me;
  /** Those beyond what the snapshot lists. */
  #unlisted;
  // Changes since the server was asked, while its answer is awaited.
  #early = null;
  #position = 0;
  // Counts the questions: only the answer to the last one is taken.
  #asked = 0;
  #backoff = new Backoff();
  #timer = 0;

  constructor(connection, life, me = null) {
    super();
    this.#connection = connection;
    this.#life = life;
    this.#me = me;
    this.#unlisted = new Unlisted(life);
    this.#unlisted.on("answered", (names) => this.#note(names));
    this.#unlisted.on("again", () => this.emit("change"));
    /** Who is known to be online. */
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

  /** How many are online whose names are not known here. */
  get unlisted() {
    return Math.max(0, this.count - this.online.size);
  }

  /**
   * Whether somebody is online, or `null` while that is not known. The server is asked about people for whom the snapshot
   * had no room, and `change` tells that it has answered.
   */
  isOnline(name) {
    if (this.online.has(name)) return true;
    if (!this.fresh) return null;
    if (this.unlisted === 0 || !isName(name)) return false;
    return this.#unlisted.isAway(name) ? false : null;
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
    this.#unlisted.startOver();
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
    // Whoever asks is online.
    if (this.#me !== null && this.unlisted > 0) this.online.add(this.#me);
    this.#unlisted.startOver();
    this.#position = Number(position);
    const early = this.#early;
    this.#early = null;
    this.fresh = true;
    this.#backoff.reset();
    for (const event of early) this.#apply(event);
    this.emit("change");
  }

  /** Takes what was found out about people whom the snapshot had no room for. */
  #note(names) {
    for (const name of names) this.online.add(name);
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
    const isOnline = status === "ONLINE";
    if (isOnline) this.online.add(id);
    else this.online.delete(id);
    this.#unlisted.heard(id, isOnline);
    this.count = Math.max(this.online.size, this.count + (isOnline ? 1 : -1));
    return true;
  }
}
