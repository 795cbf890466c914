// The messages of one conversation, put in order from three sources: its history, the inbox, and what is being sent.
//
// History and inbox count for themselves, so an entry is recognised in both by its text, which is stored byte for
// byte and has an id inside; what is alike without an id is paired newest with newest.

import { Emitter } from "./emitter.js";
import { readMessage } from "./message.js";

const PAGE = 60;
// What arrives in a conversation that nobody has opened is found in its history later.
const UNOPENED_MAX = 200;

let keys = 0;

/** Emits `change`. `records` are in the order in which they are shown. */
export class Thread extends Emitter {
  #orders = 0;
  #loading = null;

  constructor(conversation, me, fetchHistory) {
    super();
    this.conversation = conversation;
    this.me = me;
    this.fetchHistory = fetchHistory;
    this.records = [];
    /** Whether the history was read at all; an unknown conversation has none. */
    this.opened = conversation.kind === "unknown";
    this.hasOlder = !this.opened;
    this.failed = false;
  }

  /** An entry of the inbox. */
  addLive(message, sequence) {
    const mine = message.from === this.me;
    const echo = mine ? this.records.findLast((record) => record.pending && record.raw === message.raw) : undefined;
    if (echo) {
      Object.assign(echo, { pending: false, state: "stored", inbox: sequence, order: this.#nextOrder() });
      this.#arrange();
    } else if (message.id !== null && this.#recent((record) => record.raw === message.raw)) {
      return;
    } else {
      this.#put(this.#record(message, { inbox: sequence }));
      // Without an id a message that looks like an old one may still be new: the history knows.
      if (message.id === null && this.opened && this.conversation.kind !== "unknown") this.readNewer();
    }
    if (!this.opened && this.records.length > UNOPENED_MAX) this.records.splice(0, this.records.length - UNOPENED_MAX);
  }

  /** A message of ours that is on its way, or back from a visit before. */
  addPending(message, state) {
    if (this.#recent((record) => record.raw === message.raw)) return;
    this.#put(this.#record(message, { pending: true, state }));
  }

  /** The state of a message of ours that is on its way: "sending", "stored" or "failed". */
  setState(raw, state) {
    const record = this.records.findLast((record) => record.raw === raw);
    if (!record || (!record.pending && state !== "stored")) return;
    record.state = state;
    this.emit("change");
  }

  /** Takes back a message that was never stored. */
  dropPending(raw) {
    this.records = this.records.filter((record) => !(record.pending && record.raw === raw));
    this.emit("change");
  }

  /** Shows messages that have no history elsewhere. */
  restore(messages) {
    for (const message of messages) this.records.push(this.#record(message, {}));
    this.#arrange();
  }

  /** Reads the newest page of the history, at the first opening. */
  async open() {
    if (this.opened) return;
    const count = Math.min(1_000, PAGE + this.records.length);
    const page = await this.#load({ before: 0, count });
    if (page) this.opened = true;
  }

  /** Reads the page before the oldest message that is here. */
  async readOlder() {
    if (!this.opened) return this.open();
    if (!this.hasOlder) return undefined;
    const first = this.records.find((record) => record.sequence !== null);
    return this.#load({ before: first ? first.sequence : 0, count: PAGE });
  }

  /** Reads what the history got since. */
  async readNewer() {
    await this.#loading;
    const newest = this.records.findLast((record) => record.sequence !== null);
    const page = await this.#load({ last: newest ? newest.sequence : 0, count: 1_000 });
    if (page?.length === 1_000) await this.readNewer();
  }

  get loading() {
    return this.#loading !== null;
  }

  #load(range) {
    this.#loading ??= this.#fetch(range).finally(() => {
      this.#loading = null;
      this.emit("change");
    });
    this.emit("change");
    return this.#loading;
  }

  async #fetch(range) {
    const before = this.#orders;
    try {
      const page = await this.fetchHistory(this.conversation, range);
      this.failed = false;
      this.#merge(page, before, range.before === undefined || range.before === 0);
      if (range.last === undefined && page.length < range.count) this.hasOlder = false;
      return page;
    } catch (error) {
      console.warn("the history cannot be read now", error);
      this.failed = true;
      return null;
    }
  }

  #merge(page, before, reachesEnd) {
    const known = new Set(this.records.map((record) => record.sequence));
    const open = new Map();
    for (const record of this.records) {
      if (record.sequence === null) open.set(record.raw, [...(open.get(record.raw) ?? []), record]);
    }
    for (const { sequence, message } of page.toReversed()) {
      if (known.has(sequence)) continue;
      const same = open.get(message)?.pop();
      if (same) Object.assign(same, { sequence, pending: false, state: "stored" });
      else this.records.push(this.#record(readMessage(message, this.me), { sequence }));
    }
    // What was here before and is not in the history keeps its place behind all that is.
    const end = page.at(-1)?.sequence;
    if (reachesEnd && end !== undefined) {
      for (const record of this.records) {
        if (record.sequence === null && !record.pending && record.order < before && record.anchor === null) record.anchor = end;
      }
    }
    this.#arrange();
  }

  #record(message, more) {
    const state = message.from === this.me ? "stored" : "";
    return {
      key: (keys += 1),
      message,
      raw: message.raw,
      mine: message.from === this.me,
      sequence: null,
      inbox: null,
      anchor: null,
      pending: false,
      order: this.#nextOrder(),
      state,
      ...more,
    };
  }

  #nextOrder() {
    this.#orders += 1;
    return this.#orders;
  }

  #recent(matches) {
    for (let at = this.records.length - 1; at >= 0 && at > this.records.length - 2_000; at -= 1) {
      if (matches(this.records[at])) return true;
    }
    return false;
  }

  /** Puts one record where it belongs, which is nearly always at the end. */
  #put(record) {
    let at = this.records.length;
    while (at > 0 && inOrder(this.records[at - 1], record) > 0) at -= 1;
    this.records.splice(at, 0, record);
    this.emit("change");
  }

  #arrange() {
    this.records.sort(inOrder);
    this.emit("change");
  }
}

/** By place in the history; what has none comes behind what it followed, and what is on its way last. */
function inOrder(left, right) {
  return (
    compare(place(left), place(right)) ||
    Number(left.sequence === null) - Number(right.sequence === null) ||
    left.order - right.order
  );
}

function place(record) {
  return record.pending ? Infinity : (record.sequence ?? record.anchor ?? Number.MAX_VALUE);
}

function compare(left, right) {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
