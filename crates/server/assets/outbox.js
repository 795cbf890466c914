// Messages on their way to the server. They are kept in the browser until the server has answered for them, so a
// reload, a crash or a dead server loses none; each has an id, so sending it again is harmless.
//
//   add ──► queued ──► stored                                 answered: it is taken out
//             │ ▲────► held      the server takes none now: it is tried again until it does
//             └──────► failed    the server refuses this one: the person decides
//
// All tabs of a user keep theirs in one place, and each sends its own. What a tab leaves behind that is gone, one of the
// others takes over, or the next visit. Two tabs may write at the same time, so that one overwrites the other; each hears
// what the other wrote, and puts right what is missing of its own and what it has done with.

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { writeMessage } from "./message.js";
import { freshId } from "./protocol.js";
import { plainReason } from "./reason.js";
import { Stored } from "./storage.js";
import { Tab } from "./tab.js";
import { Refused, send } from "./http.js";

// How many of those that were answered are remembered: long enough for a tab that wrote at the same time to be heard.
const DONE_MAX = 1_000;

/**
 * Emits `queued`, `failed` and `dropped` with the entry, `stored` with { entry, answer }, `held` with the error when
 * nothing can be sent now, and `kept` when it changed whether the browser keeps what is on its way.
 */
export class Outbox extends Emitter {
  #stored;
  #backoff = new Backoff({ first: 300, most: 10_000 });
  #sending = false;
  #wake = null;
  #stopped = false;
  #tab;
  #groupsKnown;
  /** Tabs that are gone and whose entries are ours. */
  #gone = new Set();
  /** Answered or given up, and not to come back by what another tab writes. */
  #done = new Set();

  /** `groupsKnown` says whether the server keeps who is in a group, as it does where people log in. */
  constructor(me, life, { groupsKnown = false } = {}) {
    super();
    this.me = me;
    this.#groupsKnown = groupsKnown;
    this.#stored = new Stored(me, "outbox");
    this.#tab = new Tab(me, life);
    this.entries = [];
    this.#stored.watch((theirs) => this.#hear(entriesOf(theirs)), life);
    life.addEventListener("abort", () => this.#stop());
    /** Entries that a reload would lose, and why the browser does not keep them. */
    this.unkept = new Set();
    this.unkeptReason = null;
  }

  /** What is not sent, and not refused either. */
  get waiting() {
    return this.entries.filter((entry) => entry.failed === null);
  }

  /** Sends what a visit before left behind. */
  start() {
    this.#look(this.#read());
    this.#run();
  }

  /** Queues a text. When this returns, the browser keeps it or `unkept` has it. */
  add(conversation, text) {
    const id = freshId();
    const raw = writeMessage(conversation, { id, from: this.me, text: text.toWellFormed(), at: Date.now() });
    const place = this.#placeOf(conversation);
    const entry = { id, tab: this.#tab.id, key: conversation.key, peer: conversation.peer, ...place, raw, failed: null };
    this.entries.push(entry);
    this.#save();
    this.emit("queued", entry);
    this.#run();
  }

  #placeOf({ kind, peer, group, members, last, listed }) {
    if (kind !== "group") return { path: "/timeline/send", fields: { from: this.me, to: peer } };
    // The first message makes the group out of these members. After one has come back the server knows it, and who is in it
    // by now.
    const known = this.#groupsKnown && (last > 0 || listed);
    return { path: "/timeline/sendGroup", fields: { from: this.me, group_name: group, group_members: known ? [] : members } };
  }

  /** Tries a refused message again. */
  retry(raw) {
    const entry = this.entries.find((entry) => entry.raw === raw);
    if (!entry) return;
    entry.failed = null;
    this.#save();
    this.emit("queued", entry);
    this.#run();
  }

  /** Gives up on a refused message. */
  drop(raw) {
    const entry = this.entries.find((entry) => entry.raw === raw);
    if (!entry) return;
    this.#remove(entry);
    this.emit("dropped", entry);
  }

  /** The server may be there again: do not wait for the next try. */
  hurry() {
    this.#backoff.reset();
    this.#wake?.();
  }

  /** Keeps nothing in this browser but what is not sent, of this tab and of others. */
  forget() {
    if (this.#read().length === 0) this.#stored.forget();
  }

  #stop() {
    this.#stopped = true;
    this.#wake?.();
  }

  /** Another tab has written. */
  #hear(theirs) {
    const kept = new Set(theirs.map((entry) => entry.id));
    // Two tabs that read and write at the same time lose one of the writes. The one whose entries are missing hears
    // that here, and writes again.
    const missing = this.entries.some((entry) => !kept.has(entry.id) && !this.unkept.has(entry));
    if (missing || theirs.some((entry) => this.#done.has(entry.id))) this.#write(theirs);
    for (const owner of this.#gone) this.#adopt(owner, theirs);
    this.#look(theirs);
  }

  /** Takes over what was left by tabs that are gone, or will be. */
  #look(kept) {
    for (const owner of new Set(kept.map(ownerOf))) {
      this.#tab.whenGone(owner, () => {
        this.#gone.add(owner);
        this.#adopt(owner, this.#read());
      });
    }
  }

  #adopt(owner, kept) {
    const ours = new Set(this.entries.map((entry) => entry.id));
    const left = kept.filter((entry) => ownerOf(entry) === owner && !ours.has(entry.id) && !this.#done.has(entry.id));
    if (left.length === 0) return;
    this.entries = [...left, ...this.entries];
    for (const entry of left) this.emit("queued", entry);
    this.#run();
  }

  async #run() {
    if (this.#sending) return;
    this.#sending = true;
    // One after the other, so that they arrive in the order in which they were written.
    for (;;) {
      const entry = this.entries.find((entry) => entry.failed === null);
      if (!entry || this.#stopped) break;
      try {
        const answer = await send(entry);
        this.#backoff.reset();
        this.#remove(entry);
        this.emit("stored", { entry, answer });
      } catch (error) {
        if (error instanceof Refused && error.permanent) this.#refuse(entry, error);
        else await this.#pause(error);
      }
    }
    this.#sending = false;
  }

  #refuse(entry, error) {
    entry.failed = plainReason(error.message, "the server refuses it");
    this.#save();
    this.emit("failed", entry);
  }

  #pause(error) {
    this.emit("held", error);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(this.#backoff.next(), error.retryAfter ?? 0));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #remove(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.#done.add(entry.id);
    if (this.#done.size > DONE_MAX) this.#done.delete(this.#done.values().next().value);
    this.#save();
  }

  #save() {
    this.#write(this.#read());
  }

  /** Keeps ours; what other tabs have on their way lies in the same place and stays. */
  #write(stored) {
    const ours = new Set(this.entries.map((entry) => entry.id));
    const others = stored.filter((entry) => !this.#done.has(entry.id) && !ours.has(entry.id));
    const before = this.unkept.size;
    this.unkeptReason = this.#stored.writeFirst([...others, ...this.entries]);
    const kept = new Set(this.unkeptReason === null ? ours : this.#read().map((entry) => entry.id));
    this.unkept = new Set(this.entries.filter((entry) => !kept.has(entry.id)));
    if (this.unkept.size > 0 || before > 0) this.emit("kept");
  }

  #read() {
    return entriesOf(this.#stored.read());
  }
}

function entriesOf(kept) {
  return Array.isArray(kept) ? kept.filter(isEntry) : [];
}

/** The tab that an entry belongs to; a page before this one did not say. */
function ownerOf({ tab }) {
  return typeof tab === "string" ? tab : "";
}

/** Whether this was kept by us: a browser's storage can be written by anybody who sits before it. */
function isEntry(entry) {
  return (
    entry !== null &&
    typeof entry === "object" &&
    ["id", "key", "raw"].every((field) => typeof entry[field] === "string") &&
    ["/timeline/send", "/timeline/sendGroup"].includes(entry.path) &&
    (typeof entry.body === "string" || typeof entry.fields === "object")
  );
}
