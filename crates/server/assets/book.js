// The user's conversations: what was last said in each, what is unread, and how far the inbox was read. Kept in the
// browser, and merged by its tabs: positions only grow, so it does not matter which tab writes last.

import { Emitter } from "./emitter.js";
import { readMessage, UNKNOWN } from "./message.js";
import { Stored } from "./storage.js";

const CONVERSATIONS_MAX = 500;
const UNREAD_MAX = 1_000;
const PREVIEW_LENGTH = 140;
const UNKNOWN_KEPT = 100;

/** Emits `change`. */
export class Book extends Emitter {
  #stored;
  #saving = 0;

  constructor(me) {
    super();
    this.me = me;
    this.store = null;
    this.cursor = 0;
    this.conversations = new Map();
    this.#stored = new Stored(me, "book");
    this.#merge(this.#stored.read());
    this.#stored.watch(() => {
      this.#merge(this.#stored.read());
      this.emit("change");
    });
    addEventListener("pagehide", () => this.#saving && this.#save());
  }

  /** Whether the server has the store that we know; otherwise everything of the other one is forgotten. */
  recognise(store) {
    const same = this.store === null || this.store === store;
    if (!same) {
      this.cursor = 0;
      this.conversations.clear();
      this.#stored.write(null);
    }
    this.store = store;
    this.changed();
    return same;
  }

  /** Puts down one entry of the inbox. */
  note(message, sequence) {
    this.cursor = Math.max(this.cursor, sequence);
    const entry = this.open(message.conversation);
    if (sequence <= entry.last) return entry;
    entry.last = sequence;
    entry.preview = message.text.slice(0, PREVIEW_LENGTH);
    entry.from = message.from;
    entry.at = message.at;
    if (message.from !== this.me && sequence > entry.read) {
      entry.unread.push(sequence);
      if (entry.unread.length > UNREAD_MAX) entry.unread.shift();
    }
    if (entry.kind === "unknown") entry.kept = [...(entry.kept ?? []), message.raw.slice(0, 4_000)].slice(-UNKNOWN_KEPT);
    if (entry.kind === "group" && entry.members.length === 0) entry.members = message.conversation.members;
    this.changed();
    return entry;
  }

  /** The entry of a conversation, made when there is none. */
  open(conversation) {
    let entry = this.conversations.get(conversation.key);
    if (!entry) {
      entry = { ...conversation, last: 0, read: 0, unread: [], preview: "", from: null, at: null, opened: this.cursor };
      this.conversations.set(conversation.key, entry);
      this.changed();
    }
    return entry;
  }

  /** Everything in a conversation is read. */
  read(key) {
    const entry = this.conversations.get(key);
    if (!entry || (entry.read >= entry.last && entry.unread.length === 0)) return;
    entry.read = entry.last;
    entry.unread = [];
    this.changed();
  }

  /** Newest first. */
  list() {
    const place = (entry) => Math.max(entry.last, entry.opened ?? 0);
    return [...this.conversations.values()].sort((left, right) => place(right) - place(left));
  }

  unread() {
    let count = 0;
    for (const entry of this.conversations.values()) count += entry.unread.length;
    return count;
  }

  /** What is kept of messages that belong nowhere. */
  keptUnknown() {
    return (this.conversations.get(UNKNOWN)?.kept ?? []).map((raw) => readMessage(raw, this.me));
  }

  /** Tells others, and saves a moment later: one write for a burst of entries. */
  changed() {
    this.emit("change");
    this.#saving ||= setTimeout(() => this.#save(), 50);
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = 0;
    this.#merge(this.#stored.read());
    const conversations = this.list().slice(0, CONVERSATIONS_MAX);
    this.#stored.write({ store: this.store, cursor: this.cursor, conversations });
  }

  #merge(other) {
    if (other === null || typeof other !== "object" || !Array.isArray(other.conversations)) return;
    if (this.store !== null && other.store !== this.store) return;
    this.store = other.store ?? null;
    this.cursor = Math.max(this.cursor, other.cursor || 0);
    for (const entry of other.conversations) {
      const ours = this.conversations.get(entry.key);
      this.conversations.set(entry.key, ours ? merged(ours, entry) : entry);
    }
  }
}

function merged(ours, theirs) {
  const newer = theirs.last > ours.last ? theirs : ours;
  const read = Math.max(ours.read, theirs.read);
  const unread = [...new Set([...ours.unread, ...theirs.unread])].filter((sequence) => sequence > read);
  return { ...newer, read, unread: unread.sort((left, right) => left - right).slice(-UNREAD_MAX) };
}
