// The messages of one conversation, put in order from three sources: its history, the inbox, and what is being sent.
//
// History and inbox count for themselves. An entry of the inbox says its place in the history; one of an older store does
// not, and is recognised in both by who sent it and its text, what is alike without an id newest with newest.
//
// A thread has bounds, whoever writes into it: beyond them it forgets its oldest records, which are in the history.

import { Emitter } from "./emitter.js";
import { readMessage } from "./message.js";

const PAGE = 60;
const COUNT_MAX = 1_000;
// What arrives in a conversation that nobody has opened is found in its history later.
const UNOPENED = { records: 200, letters: 500_000 };
const OPENED = { records: 5_000, letters: 8_000_000 };

let keys = 0;

/** Emits `change`. `records` are in the order in which they are shown. */
export class Thread extends Emitter {
  #orders = 0;
  #letters = 0;
  #loading = null;
  // How far the history was read, at both ends.
  #first = null;
  #last = 0;
  // Counts the beginnings: a page that was asked for before the last one is of a history that is gone.
  #epoch = 0;
  // Up to which place everything is here, and up to which it was asked for.
  #reach = 0;
  #sought = 0;
  // Changes that came while a page was on its way, which may be older.
  #late = [];

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
    /** The entries up to this place are gone, or were cleared by the user. */
    this.floor = 0;
    /** Whether somebody reads older messages: then none is taken away above. */
    this.held = false;
    /** Whether it is on the screen. */
    this.shown = false;
  }

  /** An entry of the inbox. */
  addLive(message, sequence) {
    const { place } = message;
    this.#reach = Math.max(this.#reach, place);
    const mine = message.from === this.me;
    const echo = mine ? this.records.findLast((record) => record.pending && same(record, message)) : undefined;
    if (echo) {
      Object.assign(echo, { message, raw: message.raw, pending: false, state: "stored", inbox: sequence, order: this.#nextOrder(), sequence: place || null });
      this.#arrange();
      return;
    }
    if (place > 0) this.#addPlaced(message, sequence);
    else this.#addUnplaced(message, sequence);
    this.#bound();
  }

  #addPlaced(message, sequence) {
    const known = this.#recent((record) => record.sequence === message.place);
    if (known) known.inbox = sequence;
    else this.#put(this.#record(message, { inbox: sequence, sequence: message.place }));
  }

  #addUnplaced(message, sequence) {
    // With an id, what the history showed before is the same message; without one, only the history can tell.
    const twin = message.id === null ? undefined : this.#recent((record) => same(record, message));
    const known = twin && (twin.inbox === null || twin.inbox === sequence);
    if (known) twin.inbox = sequence;
    else this.#put(this.#record(message, { inbox: sequence }));
    // What looks like another one, by an id that is only claimed or without one, the history can tell from it.
    const open = message.id === null || (twin !== undefined && !message.sure);
    if (open && this.opened && this.conversation.kind !== "unknown") this.readNewer();
  }

  /** An entry that tells a change of a message. */
  change(entry) {
    if (entry.kind === "purge") return this.startOver();
    this.#reach = Math.max(this.#reach, entry.place);
    if (this.#loading !== null) this.#late.push(entry);
    if (this.#apply(entry)) this.emit("change");
    return undefined;
  }

  #apply({ kind, target, at, edited }) {
    const record = this.records.find((record) => record.sequence === target && !record.pending);
    if (!record || (kind === "edit" && (edited === null || record.message.gone !== null))) return false;
    if (kind === "edit") {
      const { message } = record;
      const { text } = readMessage({ message: edited, from: message.from, to: this.me, group: null, at: message.at, id: message.id, kind: "message" }, this.me);
      record.raw = edited;
      record.message = { ...message, raw: edited, text, edited: true, editedAt: at };
    } else {
      record.raw = "{}";
      record.message = { ...record.message, raw: "{}", text: "", edited: false, gone: kind === "recall" ? "recalled" : "deleted" };
    }
    return true;
  }

  /** What lies up to a place is gone, or was cleared by the user. */
  clearTo(floor) {
    if (floor <= this.floor) return;
    this.floor = floor;
    const kept = this.records.filter(({ sequence, pending }) => pending || sequence === null || sequence > floor);
    if (this.opened && kept.length < this.records.length) this.hasOlder = false;
    this.records = kept;
    this.emit("change");
  }

  /** Forgets all but what is on its way, and reads the history again if it is on the screen. */
  startOver() {
    this.#epoch += 1;
    this.records = this.records.filter((record) => record.pending);
    Object.assign(this, { opened: false, hasOlder: true });
    [this.#first, this.#last, this.#late] = [null, 0, []];
    [this.#reach, this.#sought] = [0, 0];
    this.emit("change");
    if (this.shown) Promise.resolve(this.#loading).then(() => this.open());
  }

  /** A message of ours that is on its way, or back from a visit before. */
  addPending(message, state) {
    if (this.#recent((record) => same(record, message))) return;
    this.#put(this.#record(message, { pending: true, state }));
  }

  /** The state of a message of ours that is on its way: "sending", "waiting", "stored" or "failed", and why. */
  setState(raw, state, reason = null) {
    const record = this.records.findLast((record) => record.mine && record.raw === raw);
    if (!record || (!record.pending && state !== "stored")) return;
    if (record.state === state && record.reason === reason) return;
    Object.assign(record, { state, reason });
    this.emit("change");
  }

  get hasPending() {
    return this.records.some((record) => record.pending);
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
    this.#sought = 0;
    if (this.opened) return;
    const count = Math.min(COUNT_MAX, PAGE + this.records.length);
    const page = await this.#load({ before: 0, count });
    if (page) this.opened = true;
  }

  /** Reads the page before the oldest message that is here. */
  async readOlder() {
    if (!this.opened) return this.open();
    if (!this.hasOlder) return undefined;
    return this.#load({ before: this.#first ?? 0, count: PAGE });
  }

  /** Reads what the history got since. */
  async readNewer() {
    for (let more = true; more; ) {
      await this.#loading;
      const page = await this.#load({ last: this.#last, count: COUNT_MAX });
      more = page !== null && page.more && page.entries.length > 0;
    }
  }

  /** Up to which place of the conversation everything was read from the server; one without places is here as a whole. */
  get reach() {
    return this.conversation.kind === "unknown" ? Infinity : this.#reach;
  }

  /** Reads on, once, where the conversation is known to have more than is here. */
  async reachTo(top) {
    if (!this.opened || this.loading || top <= Math.max(this.reach, this.#sought)) return;
    this.#sought = top;
    const epoch = this.#epoch;
    await this.readNewer();
    // The history had nothing more to show, as where its end was cleared.
    if (epoch !== this.#epoch || this.failed || this.#reach >= top) return;
    this.#reach = top;
    this.emit("change");
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
    // What comes while the page is fetched gets a higher order, and is so told from what was here before: it is not
    // taken for something that the history lacks.
    const [before, epoch] = [this.#orders, this.#epoch];
    try {
      const page = this.#cleared(await this.fetchHistory(this.conversation, range));
      if (epoch !== this.#epoch) return null;
      this.failed = false;
      const newest = range.before === undefined ? !page.more : range.before === 0;
      this.#merge(page.entries, before, newest);
      if (page.entries.length > 0) {
        this.#first = Math.min(this.#first ?? Infinity, page.entries[0].sequence);
        this.#last = Math.max(this.#last, page.entries.at(-1).sequence);
        this.#reach = Math.max(this.#reach, this.#last);
      }
      if (range.last === undefined) this.hasOlder = page.more;
      // What came before this request and is not in its newest page is further up in the history.
      if (range.before === 0 && page.more) this.#leaveToHistory(before, page.entries[0]?.sequence ?? 0);
      for (const entry of this.#late.splice(0)) this.#apply(entry);
      this.#arrange();
      return page;
    } catch (error) {
      console.warn("the history cannot be read now", error);
      this.failed = true;
      return null;
    }
  }

  /** Without what the user has cleared. */
  #cleared(page) {
    const floor = Math.max(page.floor ?? 0, this.conversation.floor ?? 0);
    this.floor = Math.max(this.floor, floor);
    const entries = page.entries.filter((entry) => entry.sequence > floor);
    return { ...page, entries, more: page.more && (entries.length === page.entries.length) };
  }

  #merge(page, before, reachesEnd) {
    const known = new Map(this.records.filter(({ sequence }) => sequence !== null).map((record) => [record.sequence, record]));
    const open = Map.groupBy(this.records.filter((record) => record.sequence === null), (record) => print(record.message));
    for (const entry of page.toReversed()) {
      // A place that was reserved and not used never had a message.
      if ((entry.kind !== "message" && entry.kind !== "tombstone") || entry.status === "unused") continue;
      const message = readMessage({ ...entry, place: entry.sequence }, this.me);
      const twin = known.get(entry.sequence) ?? this.#onItsWay(message) ?? open.get(print(message))?.pop();
      if (!twin) this.records.push(this.#record(message, { sequence: entry.sequence }));
      else Object.assign(twin, { message, raw: message.raw, sequence: entry.sequence, pending: false, state: twin.mine ? "stored" : "" });
    }
    // What was here before and is not in the history keeps its place behind all that is.
    const end = page.at(-1)?.sequence;
    if (reachesEnd && end !== undefined) {
      for (const record of this.records) {
        if (record.sequence === null && !record.pending && record.order <= before && record.anchor === null) record.anchor = end;
      }
    }
  }

  /** Ours that was stored, and maybe changed, before the answer to the send came. */
  #onItsWay(message) {
    return message.from === this.me && message.sure ? this.#recent((record) => record.pending && same(record, message)) : undefined;
  }

  #leaveToHistory(before, oldest) {
    const inHistory = ({ sequence, pending, order, message }) =>
      (sequence ?? 0) < oldest && !pending && order <= before && message.verified;
    this.records = this.records.filter((record) => !inHistory(record));
  }

  /** Forgets the oldest records beyond the bounds. A thread that was opened is opened again, which finds what is missing. */
  #bound() {
    if (this.held || this.#loading !== null) return;
    const most = this.opened && this.conversation.kind !== "unknown" ? OPENED : UNOPENED;
    if (this.records.length <= most.records && this.#letters <= most.letters) return;
    let [records, letters] = [0, 0];
    this.records = this.records.toReversed().filter((record) => {
      records += 1;
      letters += record.raw.length;
      return record.pending || records === 1 || (records <= UNOPENED.records && letters <= UNOPENED.letters);
    }).toReversed();
    this.#letters = this.records.reduce((sum, record) => sum + record.raw.length, 0);
    if (this.conversation.kind !== "unknown") {
      Object.assign(this, { opened: false, hasOlder: true });
      [this.#first, this.#last] = [null, 0];
    }
    this.emit("change");
    if (this.shown) this.open();
  }

  #record(message, more) {
    const state = message.from === this.me ? "stored" : "";
    this.#letters += message.raw.length;
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
      reason: null,
      ...more,
    };
  }

  #nextOrder() {
    this.#orders += 1;
    return this.#orders;
  }

  #recent(matches) {
    for (let at = this.records.length - 1; at >= 0 && at > this.records.length - 2_000; at -= 1) {
      if (matches(this.records[at])) return this.records[at];
    }
    return undefined;
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

/**
 * Whether a record and a message are one: who sent it counts, as anybody can send another's words again. One that was
 * changed since has its id still.
 */
function same(record, message) {
  const isId = message.sure && message.id !== null && record.message.id === message.id;
  return (isId || record.raw === message.raw) && record.message.from === message.from;
}

function print(message) {
  return `${message.from}\u0000${message.raw}`;
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
