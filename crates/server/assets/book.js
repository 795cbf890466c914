// The user's conversations: what was last said in each, what is unread, and how far the inbox was read. Kept in the
// browser, and merged by its tabs: positions only grow, so it does not matter which tab writes last.
//
// Others decide how much there is to note, so what is kept has bounds: each conversation, and all together. Beyond
// them the oldest go, those last in which the user has written.

import { Emitter } from "./emitter.js";
import { readMessage, UNKNOWN } from "./message.js";
import { Stored } from "./storage.js";

const CONVERSATIONS_MAX = 500;
// More are shown as "99+".
const UNREAD_MAX = 100;
const PREVIEW_LENGTH = 140;
const MEMBERS_LENGTH_MAX = 8_000;
const UNKNOWN_KEPT = 100;
const UNKNOWN_LENGTH_MAX = 4_000;
const UNKNOWN_LENGTHS_MAX = 40_000;
// In letters of JSON: what is kept of all conversations, and less where a browser has no room for that.
const KEPT_LENGTHS = [500_000, 50_000, 5_000];

/** Emits `change`, and `kept` with why the browser does not keep it, or `null`. */
export class Book extends Emitter {
  #stored;
  #saving = 0;

  constructor(me, life) {
    super();
    this.me = me;
    this.store = null;
    this.generation = null;
    this.cursor = 0;
    this.tag = null;
    this.conversations = new Map();
    /** For each conversation of a past that is no more: when the server stored the newest message that was read in it. */
    this.readBefore = new Map();
    this.#stored = new Stored(me, "book");
    this.#merge(this.#stored.read());
    // What it wrote counts, not what is stored by now: both may write at the same time.
    this.#stored.watch((theirs) => {
      this.#merge(theirs);
      this.emit("change");
      if (this.#knowsMoreThan(theirs)) this.changed();
    }, life);
    addEventListener("pagehide", () => this.#saving && this.#save(), { signal: life });
    life.addEventListener("abort", () => this.#saving && this.#save());
  }

  /** Keeps nothing in this browser, also nothing of what was kept before. */
  forget() {
    clearTimeout(this.#saving);
    this.#stored.forget();
  }

  /** How far the inbox was read. */
  get position() {
    return { sequence: this.cursor, tag: this.tag, generation: this.generation };
  }

  /** Whether the server has the store that we know; otherwise everything of the other one is forgotten. */
  recognise(store) {
    const same = this.store === null || this.store === store;
    if (!same) {
      this.startOver(null);
      // Whatever was read there, the messages here are others.
      this.readBefore.clear();
    }
    this.store = store;
    this.changed();
    return same;
  }

  /** The server has another past than the one that was read; what both have in common stays read. */
  startOver(generation) {
    for (const [key, entry] of this.conversations) this.#raise(key, readUntil(entry));
    Object.assign(this, { cursor: 0, tag: null, generation });
    this.conversations.clear();
    this.#stored.write(null);
    this.changed();
  }

  /** The inbox was read up to here. */
  advance({ sequence, tag, generation }) {
    if (sequence > this.cursor) Object.assign(this, { cursor: sequence, tag });
    this.generation = generation ?? this.generation;
  }

  /** Puts down one entry of the inbox. */
  note(message, sequence) {
    const entry = this.open(message.conversation);
    if (sequence <= entry.last) return entry;
    entry.last = sequence;
    entry.preview = message.text.slice(0, PREVIEW_LENGTH).toWellFormed();
    entry.from = message.from;
    entry.at = message.at;
    entry.storedAt = Math.max(entry.storedAt ?? 0, message.storedAt ?? 0);
    if (message.from === this.me) entry.wrote = true;
    else if (this.#wasRead(message)) entry.read = Math.max(entry.read, entry.unread.length === 0 ? sequence : 0);
    else if (sequence > entry.read) entry.unread = [...entry.unread, sequence].slice(-UNREAD_MAX);
    if (entry.kind === "unknown") entry.kept = newest([...(entry.kept ?? []), keptOf(message)]);
    this.learn(entry, message.conversation.members);
    this.changed();
    return entry;
  }

  /** Who is in a group is what its first message with a list says. */
  learn(entry, members) {
    if (entry.kind !== "group" || entry.members.length > 0 || members.length === 0) return;
    entry.members = members;
    this.changed();
  }

  /** The entry of a conversation, made when there is none. */
  open(conversation) {
    let entry = this.conversations.get(conversation.key);
    if (!entry) {
      entry = { ...conversation, last: 0, read: 0, unread: [], preview: "", from: null, at: null, opened: this.cursor };
      this.conversations.set(conversation.key, entry);
      if (this.conversations.size > 2 * CONVERSATIONS_MAX) this.#forget();
      this.changed();
    }
    return entry;
  }

  /** Everything in a conversation is read. */
  read(key) {
    const entry = this.conversations.get(key);
    if (!entry || (entry.read >= entry.last && entry.unread.length === 0)) return;
    entry.read = entry.last;
    entry.readAt = entry.storedAt ?? 0;
    entry.unread = [];
    this.changed();
  }

  /** Whether a message was read in a past that this one shares. One that has no time is older than all that have. */
  #wasRead({ conversation, storedAt }) {
    const until = this.readBefore.get(conversation.key);
    return until !== undefined && (storedAt ?? 0) <= until;
  }

  #raise(key, until) {
    if (until === null) return;
    const known = this.readBefore.get(key) ?? 0;
    this.readBefore.delete(key);
    this.readBefore.set(key, Math.max(known, until));
    if (this.readBefore.size > CONVERSATIONS_MAX) this.readBefore.delete(this.readBefore.keys().next().value);
  }

  /** Newest first. */
  list() {
    return [...this.conversations.values()].sort((left, right) => place(right) - place(left));
  }

  unread() {
    let count = 0;
    for (const entry of this.conversations.values()) count += entry.unread.length;
    return count;
  }

  /** What is kept of messages that belong nowhere. */
  keptUnknown() {
    return (this.conversations.get(UNKNOWN)?.kept ?? []).map((kept) => readMessage(kept, this.me));
  }

  /** Tells others, and saves a moment later: one write for a burst of entries. */
  changed() {
    this.emit("change");
    this.#saving ||= setTimeout(() => this.#save(), 50);
  }

  /** The conversations in the order in which they are kept. */
  #ranked() {
    return this.list().sort((left, right) => Number(right.wrote === true) - Number(left.wrote === true));
  }

  #forget() {
    this.conversations = new Map(this.#ranked().slice(0, CONVERSATIONS_MAX).map((entry) => [entry.key, entry]));
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = 0;
    this.#merge(this.#stored.read());
    const { store, generation, cursor, tag } = this;
    const ranked = this.#ranked().slice(0, CONVERSATIONS_MAX).map(slim);
    let reason = null;
    for (const length of KEPT_LENGTHS) {
      const readBefore = within([...this.readBefore].toReversed(), length / 10);
      reason = this.#stored.write({ store, generation, cursor, tag, readBefore, conversations: within(ranked, length) });
      if (reason === null) break;
    }
    this.emit("kept", reason);
  }

  /** Whether another tab wrote less than we know, so that it lies over what we wrote. */
  #knowsMoreThan(theirs) {
    if (!Array.isArray(theirs?.conversations) || textOr(theirs.store, null) !== this.store) return false;
    if (textOr(theirs.generation, null) !== this.generation) return false;
    const read = new Map(theirs.conversations.map((entry) => [entry?.key, numberOr(entry?.read, 0)]));
    const behind = (entry) => read.has(entry.key) && read.get(entry.key) < entry.read;
    return numberOr(theirs.cursor, 0) < this.cursor || this.list().some(behind);
  }

  #merge(other) {
    if (other === null || typeof other !== "object" || !Array.isArray(other.conversations)) return;
    if (this.store !== null && other.store !== this.store) return;
    const generation = textOr(other.generation, null);
    if (this.generation !== null && generation !== null && generation !== this.generation) return;
    for (const [key, until] of pairsOf(other.readBefore)) this.#raise(key, until);
    this.store = textOr(other.store, null);
    const cursor = Number.isSafeInteger(other.cursor) && other.cursor > 0 ? other.cursor : 0;
    this.advance({ sequence: cursor, tag: textOr(other.tag, null), generation });
    for (const entry of other.conversations.map(checked)) {
      if (entry === null) continue;
      const ours = this.conversations.get(entry.key);
      this.conversations.set(entry.key, ours ? merged(ours, entry) : entry);
    }
  }
}

const place = (entry) => Math.max(entry.last, entry.opened ?? 0);
const textOr = (value, other) => (typeof value === "string" ? value : other);
const numberOr = (value, other) => (Number.isFinite(value) ? value : other);

/** A conversation as it was kept, or `null`: the storage may hold anything. */
function checked(entry) {
  const whole =
    ["key", "kind", "title"].every((field) => typeof entry?.[field] === "string") &&
    (entry.kind === "direct" ? typeof entry.peer === "string" : entry.kind === "unknown" || typeof entry.group === "string");
  if (!whole) return null;
  return {
    ...entry,
    last: numberOr(entry.last, 0),
    read: numberOr(entry.read, 0),
    opened: numberOr(entry.opened, 0),
    at: numberOr(entry.at, null),
    storedAt: numberOr(entry.storedAt, undefined),
    readAt: numberOr(entry.readAt, undefined),
    from: textOr(entry.from, null),
    preview: textOr(entry.preview, ""),
    unread: Array.isArray(entry.unread) ? entry.unread.filter(Number.isFinite).slice(-UNREAD_MAX) : [],
    members: Array.isArray(entry.members) ? entry.members.filter((name) => typeof name === "string") : [],
    kept: Array.isArray(entry.kept) ? newest(entry.kept.map(keptBefore).filter((kept) => kept !== null)) : undefined,
  };
}

function merged(ours, theirs) {
  const newer = theirs.last > ours.last ? theirs : ours;
  const read = Math.max(ours.read, theirs.read);
  const unread = [...new Set([...ours.unread, ...theirs.unread])].filter((sequence) => sequence > read);
  return {
    ...newer,
    read,
    storedAt: largest(ours.storedAt, theirs.storedAt),
    readAt: largest(ours.readAt, theirs.readAt),
    members: newer.members.length > 0 ? newer.members : ours.members,
    wrote: ours.wrote === true || theirs.wrote === true,
    unread: unread.sort((left, right) => left - right).slice(-UNREAD_MAX),
  };
}

/** When the server stored the newest message that was read, or `null` if none was. */
function readUntil({ read, last, readAt, at, unread }) {
  if (readAt !== undefined) return readAt;
  // Pages before this one did not note it; what a message says of its time is believed up to now.
  const all = read > 0 && read >= last && unread.length === 0;
  return all && at !== null ? Math.min(at, Date.now()) : null;
}

function largest(left, right) {
  return left === undefined || right === undefined ? (left ?? right) : Math.max(left, right);
}

/** Pairs of a text and a number out of what was kept. */
function pairsOf(kept) {
  const isPair = (pair) => Array.isArray(pair) && typeof pair[0] === "string" && Number.isFinite(pair[1]);
  return Array.isArray(kept) ? kept.filter(isPair).toReversed() : [];
}

/** Without what has no bound; who is in a large group is learnt again from its messages. */
function slim(entry) {
  const names = entry.members.reduce((length, name) => length + name.length, 0);
  return names > MEMBERS_LENGTH_MAX ? { ...entry, members: [] } : entry;
}

/** The first of them that have no more than so many letters together. */
function within(entries, most) {
  let left = most;
  return entries.filter((entry) => {
    const length = JSON.stringify(entry).length;
    if (length > left) return false;
    left -= length;
    return true;
  });
}

/** What is kept of a message that belongs nowhere: an entry of which the server knows no more than this. */
function keptOf({ raw, from, verified, at }) {
  return { message: raw.slice(0, UNKNOWN_LENGTH_MAX), from: verified ? from : null, to: null, group: null, at, id: null };
}

function newest(kept) {
  let letters = 0;
  const short = (entry) => (letters += entry.message.length) <= UNKNOWN_LENGTHS_MAX;
  return kept.slice(-UNKNOWN_KEPT).toReversed().filter(short).toReversed();
}

/** Pages before this one kept the text alone. */
function keptBefore(kept) {
  if (typeof kept === "string") return keptOf({ raw: kept, from: null, verified: false, at: null });
  if (typeof kept?.message !== "string") return null;
  const from = textOr(kept.from, null);
  return keptOf({ raw: kept.message, from, verified: from !== null, at: numberOr(kept.at, null) });
}
