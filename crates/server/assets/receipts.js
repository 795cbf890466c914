// Which of our messages have reached their receivers. A receiver reports how far their inbox has come; a message is
// delivered when that is at or beyond the place it got there.

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { Stored } from "./storage.js";

const AWAITED_MAX = 500;
const CONVERSATIONS_MAX = 500;
const PEERS_MAX = 100;
// In letters of JSON.
const KEPT_LENGTH = 100_000;

const channel = (peer) => `$received:${peer}`;

/** Emits `change`. */
export class Receipts extends Emitter {
  #stored;
  #connection;
  #life;
  #bound = new Set();
  // Whom it is to be asked about again, as the server did not say.
  #unknown = new Set();
  #backoff = new Backoff();
  #timer = 0;

  constructor(me, store, connection, life) {
    super();
    /** Which store the places are of. */
    this.store = store;
    this.#stored = new Stored(me, "receipts");
    this.#connection = connection;
    this.#life = life;
    /** For each peer: how far they have come, our newest message that reached them, and the places of the others. */
    this.peers = new Map();
    this.#merge();
    // Another tab of the user may have sent what we show. Both may write at the same time, as they hear the same; so what
    // it wrote counts, not what is stored now.
    this.#stored.watch((theirs) => {
      this.#merge(theirs);
      this.emit("change");
    }, life);
    connection.on("message", ({ channel, text }) => channel.startsWith("$received:") && this.#heard(text));
    connection.on("open", () => this.#askAll());
    connection.on("state", () => this.#askNobody());
    life.addEventListener("abort", () => this.#askNobody());
  }

  /** Follows everybody we wait for, and `peer`. */
  follow(peer) {
    const awaited = [...this.peers].filter(([, state]) => Object.keys(state.awaited).length > 0).map(([name]) => name);
    const wanted = new Set([peer, ...awaited.toReversed()].filter(Boolean).slice(0, PEERS_MAX));
    for (const name of this.#bound) if (!wanted.has(name)) this.#connection.unbind(channel(name));
    for (const name of wanted) {
      if (this.#bound.has(name)) continue;
      this.#connection.bind(channel(name));
      this.#ask(name);
    }
    this.#bound = wanted;
  }

  /** The message `id` got `sequence` in the inbox of `peer`. */
  sent(peer, id, sequence) {
    if (!Number.isSafeInteger(sequence) || sequence <= 0) return;
    const state = this.#peer(peer);
    state.awaited[id] = sequence;
    const ids = Object.keys(state.awaited);
    if (ids.length > AWAITED_MAX) delete state.awaited[ids[0]];
    this.follow(this.#current);
    this.#settle(state);
  }

  /** Marks the records that were delivered: the newest that is known to be, and all of ours before it. */
  delivered(peer, records) {
    const state = this.peers.get(peer);
    if (!state) return new Set();
    const newest = records.findLastIndex((record) => record.mine && !record.pending && this.#reached(state, record));
    return new Set(records.slice(0, newest + 1).filter((record) => record.mine && !record.pending));
  }

  /** The server has this store; the places of another one mean nothing. */
  recognise(store) {
    if (this.store !== null && this.store !== store) this.peers.clear();
    this.store = store;
    this.#save();
  }

  /** The server has another past than the one that the places are of. */
  startOver() {
    this.peers.clear();
    this.#stored.write(null);
    this.emit("change");
  }

  /** Keeps nothing in this browser, also nothing of what was kept before. */
  forget() {
    this.#stored.forget();
  }

  set current(peer) {
    this.#current = peer;
    this.follow(peer);
  }

  #current = null;

  #reached(state, record) {
    const id = record.message.id;
    return id !== null && (id === state.newest?.id || state.awaited[id] <= state.cursor);
  }

  #peer(name) {
    if (!this.peers.has(name)) this.peers.set(name, { cursor: 0, newest: null, awaited: {} });
    return this.peers.get(name);
  }

  #askAll() {
    this.#backoff.reset();
    for (const name of this.#bound) this.#ask(name);
  }

  async #ask(name) {
    try {
      const { sequence } = await this.#connection.call("received_of", { member: name });
      this.#backoff.reset();
      this.#raise(name, Number(sequence));
    } catch {
      // Without a connection the next `open` asks again.
      if (this.#connection.state === "open" && !this.#life.aborted) this.#askAgain(name);
    }
  }

  /** The connection may stay open for hours, so nothing else would ask. */
  #askAgain(name) {
    this.#unknown.add(name);
    this.#timer ||= setTimeout(() => {
      const names = [...this.#unknown].filter((unknown) => this.#bound.has(unknown));
      this.#askNobody();
      for (const unknown of names) this.#ask(unknown);
    }, this.#backoff.next());
  }

  #askNobody() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#unknown.clear();
  }

  #heard(text) {
    const { member, sequence } = JSON.parse(text);
    if (this.#bound.has(member)) this.#raise(member, Number(sequence));
  }

  #raise(name, sequence) {
    const state = this.#peer(name);
    if (!(sequence > state.cursor)) return;
    state.cursor = sequence;
    this.#settle(state);
  }

  #settle(state) {
    this.#clear(state);
    this.#save();
    this.emit("change");
  }

  /** Takes out what was awaited and has arrived. */
  #clear(state) {
    for (const [id, sequence] of Object.entries(state.awaited)) {
      if (sequence > state.cursor) continue;
      if (!state.newest || sequence >= state.newest.sequence) state.newest = { id, sequence };
      delete state.awaited[id];
    }
  }

  /** Takes over what other tabs know: positions only grow, so the higher ones count. */
  #merge(kept = this.#stored.read()) {
    if (typeof kept?.peers !== "object" || kept.peers === null || kept.store !== this.store) return;
    for (const [name, theirs] of Object.entries(kept.peers)) {
      const ours = this.#peer(name);
      if (theirs?.cursor > ours.cursor) ours.cursor = theirs.cursor;
      if (theirs?.newest?.sequence > (ours.newest?.sequence ?? 0)) ours.newest = theirs.newest;
      const awaited = Object.entries(theirs?.awaited ?? {}).filter(([, sequence]) => Number.isSafeInteger(sequence));
      Object.assign(ours.awaited, Object.fromEntries(awaited.slice(-AWAITED_MAX)));
      this.#clear(ours);
    }
  }

  #save() {
    this.#merge();
    const kept = [...this.peers].filter(([, state]) => state.newest || Object.keys(state.awaited).length > 0);
    let left = KEPT_LENGTH;
    const short = (peer) => (left -= JSON.stringify(peer).length) >= 0;
    const newest = kept.slice(-CONVERSATIONS_MAX).toReversed().filter(short).toReversed();
    this.#stored.write({ store: this.store, peers: Object.fromEntries(newest) });
  }
}
