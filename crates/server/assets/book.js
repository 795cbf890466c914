// The user's conversations: what was last said in each, what is unread, and how far the inbox was read. Kept in the
// browser, and merged by its tabs: positions only grow, so it does not matter which tab writes last.
//
// How far a conversation is read the server knows, for all devices of the user: a place in its history. What arrives
// behind that is counted here, and what the server counts takes the place of it. So `unread` is always of what lies
// behind `readPlace` and up to `top`: none of the three changes without the others, or the server is asked.
//
// Others decide how much there is to note, so what is kept has bounds: each conversation, and all together. Beyond
// them the oldest go, those last in which the user has written.

import { byRecency, checked, fresh, isCounted, keptOf, merged, newest, numberOr, pairsOf, readUntil, slim, textOr, within } from "./book_entry.js";
import { Emitter } from "./emitter.js";
import { goneText, readMessage, UNKNOWN } from "./message.js";
import { Stored } from "./storage.js";

const CONVERSATIONS_MAX = 500;
const LISTED_MAX = 10_000;
const PREVIEW_LENGTH = 140;
// In letters of JSON: what is kept of all conversations, and less where a browser has no room for that.
const KEPT_LENGTHS = [500_000, 50_000, 5_000];

/**
 * Emits `change`; `kept` with why the browser does not keep it, or `null`; `read` with a conversation that was read here
 * further than the server may know; `doubt` with one of which the server is to say what is unread; and `freed` with one
 * whose messages up to its `floor` are gone.
 */
export class Book extends Emitter {
  #stored;
  #saving = 0;
  /** What the server does not list any more, and when it had got its last entry: it does not come back by what is kept. */
  #unlisted = new Map();
  /** How far other devices have read what has not come here yet. */
  #readAhead = new Map();

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
    this.#readAhead.clear();
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
    // What belongs nowhere is of many histories, and their places say nothing of each other.
    const place = entry.kind === "unknown" ? 0 : message.place;
    const isNew = place > 0 ? place > Math.max(entry.top, entry.readPlace) : sequence > entry.read;
    entry.last = sequence;
    entry.top = Math.max(entry.top, place);
    entry.storedAt = Math.max(entry.storedAt ?? 0, message.storedAt ?? 0);
    entry.moved = Math.max(entry.moved, message.storedAt ?? 0);
    this.#preview(entry, message);
    // Whoever writes has read up to their own message. The server counts it so, and tells it to nobody.
    const isOfPeer = entry.kind === "direct" && message.verified && message.from === entry.peer && entry.peer !== this.me;
    if (isOfPeer) entry.peerRead = Math.max(entry.peerRead, place);
    if (message.from === this.me) {
      entry.wrote = true;
      this.#raiseRead(entry, place);
    } else if (this.#wasRead(message)) {
      // The server was set back, and does not know it any more.
      if (place > entry.readPlace) {
        this.#raiseRead(entry, place);
        this.emit("read", entry);
      } else if (entry.unread === 0) entry.read = sequence;
    } else if (isNew && message.gone === null) entry.unread += 1;
    else if (entry.unread === 0) Object.assign(entry, { read: sequence, readAt: entry.storedAt });
    if (entry.kind === "unknown") entry.kept = newest([...(entry.kept ?? []), keptOf(message)]);
    this.learn(entry, message.conversation);
    this.changed();
    return entry;
  }

  /** Puts down that a message has changed. Returns the conversation, or nothing if it is not known here. */
  noteChange(key, { kind, target, place, at, edited, from, to, group, id }) {
    const entry = this.conversations.get(key);
    if (!entry) return undefined;
    // The list may have told already what came after it.
    const isNewest = place === 0 || place >= entry.top;
    entry.top = Math.max(entry.top, place);
    entry.moved = Math.max(entry.moved, at ?? 0);
    if (kind === "purge") this.#purged(entry, target, isNewest);
    else if (kind !== "edit" && target > entry.readPlace && entry.unread > 0) this.emit("doubt", entry);
    if (target > 0 && target === entry.lastPlace) {
      const text = edited === null ? "" : readMessage({ message: edited, from, to, group, id, at, kind: "message" }, this.me).text;
      if (kind !== "edit") entry.preview = goneText(kind === "recall" ? "recalled" : "deleted");
      else if (edited !== null) entry.preview = shortened(text);
    }
    this.changed();
    return entry;
  }

  /** What lies up to `target` is gone. What the server counted after that purge already is unread still. */
  #purged(entry, target, isNewest) {
    entry.floor = Math.max(entry.floor, target);
    if (entry.lastPlace <= target) entry.preview = "";
    if (isNewest) Object.assign(entry, { unread: 0, capped: false });
    else if (entry.unread > 0) this.emit("doubt", entry);
  }

  /** Takes what the server says of a conversation in its list, { view, last, title, peerRead, floor, at }. */
  noteSummary(conversation, summary) {
    const entry = this.open(conversation);
    entry.listed = true;
    entry.peerRead = Math.max(entry.peerRead, summary.peerRead);
    if (summary.floor > entry.floor) {
      entry.floor = summary.floor;
      this.emit("freed", entry);
    }
    entry.moved = Math.max(entry.moved, summary.at);
    if (summary.title !== "" && summary.title !== entry.group) entry.title = summary.title;
    // A list from before a change that is known here would bring back a text that is gone.
    const isFresh = summary.latest >= entry.top && summary.last !== null;
    if (isFresh && summary.last.place >= entry.lastPlace) this.#preview(entry, readMessage(summary.last, this.me));
    const isCounted = this.count(entry, summary);
    // What was read here when the server could not be told.
    if (entry.readPlace > summary.read) this.emit("read", entry);
    if (!isCounted && entry.readPlace < Math.max(entry.top, summary.latest)) this.emit("doubt", entry);
    return entry;
  }

  /**
   * Takes what the server counts, unless more is known here by now. Returns whether it was taken; where it was not,
   * nothing is: what lies behind `top` is still to be counted when it comes.
   */
  count(entry, { unread, capped, read, latest }) {
    if (latest < entry.top) return false;
    if (read >= entry.readPlace) Object.assign(entry, { unread, capped, readPlace: read, top: latest });
    else if (entry.readPlace >= latest) Object.assign(entry, { unread: 0, capped: false, top: latest });
    else return false;
    if (entry.unread === 0) Object.assign(entry, { read: entry.last, readAt: entry.storedAt ?? 0 });
    this.changed();
    return true;
  }

  /** Another device of the user has read up to this place, or this one has. */
  readTo(key, place) {
    const entry = this.conversations.get(key);
    if (!entry) return this.#noteReadAhead(key, place);
    if (place <= entry.readPlace) return undefined;
    this.#raiseRead(entry, place);
    return this.changed();
  }

  #noteReadAhead(key, place) {
    this.#readAhead.set(key, Math.max(place, this.#readAhead.get(key) ?? 0));
    if (this.#readAhead.size > CONVERSATIONS_MAX) this.#readAhead.delete(this.#readAhead.keys().next().value);
  }

  /** The other one of a pair has read up to this place. */
  peerReadTo(key, place) {
    const entry = this.conversations.get(key);
    if (!entry || place <= entry.peerRead) return;
    entry.peerRead = place;
    this.changed();
  }

  /** The server does not list it any more: it was cleared, or left. */
  unlist(key) {
    const entry = this.conversations.get(key);
    if (!entry) return;
    this.#unlisted.set(key, entry.moved);
    this.conversations.delete(key);
    this.changed();
  }

  /** Who is in a group is what its first message with a list says, and so is how it is called. */
  learn(entry, { members, title }) {
    if (entry.kind !== "group") return;
    const isNamed = entry.title === entry.group && title !== entry.group;
    if (isNamed) entry.title = title;
    const isListed = entry.members.length === 0 && members.length > 0;
    if (isListed) entry.members = members;
    if (isNamed || isListed) this.changed();
  }

  /** A conversation that the user begins: it comes first in the list, though nothing was said in it. */
  begin(conversation) {
    const known = this.conversations.has(conversation.key);
    const newest = this.list()[0]?.moved ?? 0;
    const entry = this.open(conversation);
    if (!known) entry.moved = newest;
    return entry;
  }

  /** The entry of a conversation, made when there is none. */
  open(conversation) {
    let entry = this.conversations.get(conversation.key);
    if (!entry) {
      entry = fresh(conversation, this.cursor);
      entry.readPlace = this.#readAhead.get(conversation.key) ?? 0;
      this.#readAhead.delete(conversation.key);
      // Of so many not all are kept in mind that is said again by their messages.
      if (this.conversations.size >= CONVERSATIONS_MAX) entry = slim(entry);
      this.conversations.set(conversation.key, entry);
      if (this.conversations.size > LISTED_MAX) this.#forget(entry);
      this.changed();
    }
    return entry;
  }

  /** A conversation was read up to this place: what is known to be behind it was not shown yet. */
  read(key, place) {
    const entry = this.conversations.get(key);
    if (!entry || (entry.read >= entry.last && entry.unread === 0)) return;
    if (place >= entry.top) this.#readHere(entry);
    else if (place > entry.readPlace) {
      this.#raiseRead(entry, place);
      this.emit("read", entry);
    } else return;
    this.changed();
  }

  #readHere(entry) {
    const isNews = entry.top > entry.readPlace;
    Object.assign(entry, { read: entry.last, readAt: entry.storedAt ?? 0, unread: 0, capped: false });
    entry.readPlace = Math.max(entry.readPlace, entry.top);
    if (isNews) this.emit("read", entry);
  }

  #raiseRead(entry, place) {
    if (place <= entry.readPlace) return;
    entry.readPlace = place;
    if (place >= entry.top) Object.assign(entry, { read: entry.last, readAt: entry.storedAt ?? 0, unread: 0, capped: false });
    else if (entry.unread > 0) this.emit("doubt", entry);
  }

  #preview(entry, { text, gone, from, at, place }) {
    Object.assign(entry, { from, at, lastPlace: Math.max(entry.lastPlace, place) });
    entry.preview = gone === null ? shortened(text) : goneText(gone);
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
    return [...this.conversations.values()].sort(byRecency);
  }

  unread() {
    let count = 0;
    for (const entry of this.conversations.values()) count += entry.unread;
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

  #forget(latest) {
    const kept = [latest, ...this.#ranked().filter((entry) => entry !== latest)].slice(0, LISTED_MAX / 2);
    this.conversations = new Map(kept.map((entry) => [entry.key, entry]));
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
    const places = new Map(theirs.conversations.map((entry) => [entry?.key, numberOr(entry?.readPlace, 0)]));
    const behind = (entry) => read.has(entry.key) && (read.get(entry.key) < entry.read || places.get(entry.key) < entry.readPlace);
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
      if (entry === null || entry.moved <= (this.#unlisted.get(entry.key) ?? -1)) continue;
      const ours = this.conversations.get(entry.key);
      if (ours) this.#mergeEntry(ours, entry);
      else this.conversations.set(entry.key, entry);
    }
  }

  /** It stays the same object: an answer of the server may be on its way to it. */
  #mergeEntry(ours, theirs) {
    const isSure = isCounted(ours, theirs);
    Object.assign(ours, merged(ours, theirs));
    if (!isSure && ours.unread > 0) this.emit("doubt", ours);
  }
}

function shortened(text) {
  return text.slice(0, PREVIEW_LENGTH).toWellFormed();
}
