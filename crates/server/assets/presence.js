// Who is online: a snapshot, then changes. The channel is bound before the snapshot is asked for, so what happens in
// between is known twice rather than not at all.

import { Emitter } from "./emitter.js";
import { isName } from "./name.js";

const CHANNEL = "$presence";

/** Emits `change`, and `partial` when more people are online than a snapshot lists. */
export class Presence extends Emitter {
  #connection;
  #early = null;
  #position = 0;

  constructor(connection) {
    super();
    this.#connection = connection;
    this.online = new Set();
    /** How many are online, also those beyond what the snapshot lists. */
    this.count = 0;
    this.fresh = false;
    connection.bind(CHANNEL);
    connection.on("open", () => this.#snapshot());
    connection.on("message", ({ channel, text }) => channel === CHANNEL && this.#heard(JSON.parse(text)));
    connection.on("state", (state) => state !== "open" && this.#stale());
  }

  #stale() {
    this.fresh = false;
    this.emit("change");
  }

  async #snapshot() {
    // Changes that come before the answer are kept, and applied to it by their positions.
    this.#early = [];
    try {
      const { ids, count, position } = await this.#connection.call("who");
      this.online = new Set(ids.filter(isName));
      this.count = Number(count);
      this.#position = Number(position);
      const early = this.#early;
      this.#early = null;
      this.fresh = true;
      for (const event of early) this.#apply(event);
      this.emit("change");
      if (this.count > this.online.size) this.emit("partial");
    } catch (error) {
      console.warn("who is online is not known now", error);
    }
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
