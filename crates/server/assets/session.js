// Everything of one user who is here: joins connection, inbox, outbox, presence and receipts with the conversations.

import { Backoff } from "./backoff.js";
import { Book } from "./book.js";
import { Catalogue } from "./catalogue.js";
import { Connection, hubAddress } from "./connection.js";
import { Drafts } from "./drafts.js";
import { Emitter } from "./emitter.js";
import { readEntry } from "./entry.js";
import { Health } from "./health.js";
import { Inbox } from "./inbox.js";
import { changedKey, directKey, groupKey, ownMessage, readMessage, UNKNOWN } from "./message.js";
import { shownName } from "./name.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { freshId } from "./protocol.js";
import { Reads } from "./reads.js";
import { Receipts } from "./receipts.js";
import { revise, withdraw } from "./revision.js";
import { Thread } from "./thread.js";
import { history } from "./http.js";

const REPORT_MS = 60;
const LIST_MS = 300;
const THREADS_MAX = 200;
const NAMED_MAX = 5;
const CHANGES = new Set(["edit", "recall", "deletion", "purge"]);

/**
 * Emits `arrived` with { entry, message } for messages of others that are new, `notice` with a sentence, and `reset`
 * when the server has other messages than those that were read.
 */
export class Session extends Emitter {
  #threads = new Map();
  #listing = 0;
  #reporting = 0;
  #reported = 0;
  #reportAgain = new Backoff();

  #end = new AbortController();
  #withLogins;

  /** With a `login` it is that which opens connections; without one the name does. */
  constructor(me, login = null) {
    super();
    this.me = me;
    /** Ends with the session: whatever listens to more than the session listens for as long as this. */
    this.life = this.#end.signal;
    this.book = new Book(me, this.life);
    this.connection = new Connection(login === null ? () => hubAddress("user", me) : () => login.door(), this.life);
    this.book.on("freed", ({ key, floor }) => this.#threads.get(key)?.clearTo(floor));
    this.catalogue = new Catalogue(me, this.book, this.connection, this.life);
    this.reads = new Reads(me, this.book, this.connection, this.life, () => this.#isSure());
    this.drafts = new Drafts(me, this.life);
    this.presence = new Presence(this.connection, this.life, me);
    this.receipts = new Receipts(me, this.book.store, this.connection, this.life);
    this.health = new Health(this.connection, this.life);
    this.#withLogins = login !== null;
    this.outbox = new Outbox(me, this.life, { groupsKnown: this.#withLogins });
    this.inbox = new Inbox(me, this.book.position, {
      apply: (entry, live) => this.#arrived(entry, live),
      restarted: (generation) => {
        this.book.startOver(generation);
        this.#startOver("The messages on this server were set back, as when a backup is restored. This page has started over and shows what is there now.");
      },
      assured: () => this.reads.assured(),
      passed: (missed) => missed && this.#passed(),
      failed: (error) => this.health.note("reading", error),
    });
    this.connection.on("message", ({ channel, text }) => channel === `$inbox:${me}` && this.#pushed(text));
    this.connection.on("open", () => this.#opened());
    this.health.on("change", () => this.#showWaiting());
    this.health.on("well", () => this.outbox.hurry());
    this.connection.on("state", () => this.#showWaiting());
    this.outbox.on("queued", (entry) => this.#queued(entry));
    this.outbox.on("stored", ({ entry, answer }) => this.#stored(entry, answer));
    this.outbox.on("held", (error) => this.health.note("sending", error));
    this.outbox.on("failed", (entry) => this.#refused(entry));
    this.outbox.on("dropped", (entry) => this.#threads.get(entry.key)?.dropPending(entry.raw));
  }

  start() {
    for (const entry of this.outbox.entries) this.#queued(entry);
    this.connection.start();
    // The order matters: what the list counts as read is not counted as unread while the inbox is read.
    this.catalogue.load().then(() => this.life.aborted || this.inbox.catchUp());
    this.outbox.start();
    this.receipts.follow(null);
  }

  /** Nobody is here any more: what is not sent stays in the browser. */
  stop() {
    clearTimeout(this.#reporting);
    this.inbox.stop();
    this.#end.abort();
  }

  /** Ends, and leaves of the user in this browser only what is not sent: the server has everything else. */
  forget() {
    this.stop();
    this.book.forget();
    this.receipts.forget();
    this.drafts.forget();
    this.outbox.forget();
  }

  /** The conversation with one person. */
  direct(peer) {
    return this.book.begin({ key: directKey(peer), kind: "direct", peer, title: peer, members: [] });
  }

  /** A new group. Two groups may have one name, so what they are stored under has a random end. */
  group(title, members) {
    const group = `${title}~${freshId().slice(0, 8)}`;
    const everybody = [...new Set([this.me, ...members])];
    return this.book.begin({ key: groupKey(group), kind: "group", group, title, members: everybody });
  }

  /** The messages of a conversation. */
  thread(entry) {
    const thread = this.#threads.get(entry.key) ?? this.#newThread(entry);
    thread.conversation = entry;
    // Those that were used last are at the end.
    this.#threads.delete(entry.key);
    this.#threads.set(entry.key, thread);
    if (this.#threads.size > THREADS_MAX) this.#forgetThread();
    return thread;
  }

  send(entry, text) {
    this.outbox.add(entry, text);
  }

  /** Gives a message of ours another text; says so when that fails, and rejects. */
  async edit(entry, record, text) {
    await revise(entry, this.me, record, text, this.#isSure()).catch((error) => this.#saySo(error));
  }

  /** Deletes a message of ours for everybody. */
  async remove(entry, record) {
    await withdraw(entry, this.me, record, this.#isSure()).catch((error) => this.#saySo(error));
  }

  /**
   * Whether the places that we know are those of this server. Without a connection it may be set back at any time, and
   * with a new one it may have been. Until that is known it is told of no place: it would take it for that of another message.
   */
  #isSure() {
    return this.connection.state === "open" && this.inbox.sure;
  }

  #saySo(error) {
    this.emit("notice", error.message);
    throw error;
  }

  async #history(conversation, range) {
    // With logins a group is made by its first message, and its history is for its members alone: before that message
    // there is none, and the server would refuse it.
    const { kind, last, listed } = this.book.open(conversation);
    const isNew = this.#withLogins && kind === "group" && last === 0 && !listed;
    return isNew ? { entries: [], more: false } : history(conversation, this.me, range);
  }

  #newThread(entry) {
    const thread = new Thread(entry, this.me, (conversation, range) => this.#history(conversation, range));
    if (entry.key === UNKNOWN) thread.restore(this.book.keptUnknown());
    // Who is in a large group is not kept in the browser; its messages say it.
    if (entry.kind === "group") {
      thread.on("change", () => {
        if (this.book.open(entry).members.length > 0) return;
        const listed = thread.records.findLast(({ message }) => message.conversation.members.length > 0);
        if (listed) this.book.learn(this.book.open(entry), listed.message.conversation);
      });
    }
    return thread;
  }

  /** What one has not looked at for longest is in the history. */
  #forgetThread() {
    for (const [key, thread] of this.#threads) {
      if (thread.shown || thread.hasPending || key === UNKNOWN) continue;
      this.#threads.delete(key);
      return;
    }
  }

  #opened() {
    // The order matters. First nothing that is pushed is applied any more: the server may have another past. Then it
    // says which store it has, or does not answer. Only after that is the inbox read on, and how far it was read is
    // reported.
    this.inbox.doubt();
    this.outbox.hurry();
    this.connection
      .call("hello")
      .then(({ store }) => {
        const known = this.book.recognise(store);
        this.receipts.recognise(store);
        if (known) return;
        this.inbox.restart();
        this.#startOver("This server keeps other messages than the one you used before.");
      })
      .catch((error) => console.warn("the server did not say which store it has", error))
      .then(() => this.inbox.catchUp())
      .then(() => this.#report(true));
  }

  #startOver(notice) {
    this.#threads.clear();
    this.reads.startOver();
    this.receipts.startOver();
    this.#reported = 0;
    for (const entry of this.outbox.entries) this.#queued(entry);
    this.catalogue.load();
    this.emit("reset");
    this.emit("notice", notice);
  }

  /** What is in no inbox any more is in the histories, also of what is on the screen. */
  #passed() {
    for (const thread of this.#threads.values()) if (thread.conversation.kind !== "unknown") thread.startOver();
    this.catalogue.load();
    this.emit("notice", "Some messages that you have not seen are no longer in your inbox. Open a conversation to read it from its history.");
  }

  #pushed(text) {
    let entry;
    try {
      entry = readEntry(JSON.parse(text));
    } catch (error) {
      console.warn("a pushed message cannot be read; asking the server for it again", error);
      this.inbox.catchUp();
      return;
    }
    this.inbox.push(entry);
  }

  #arrived(entry, live) {
    // The position moves first: an entry that cannot be shown must not be asked for again by each reload.
    const { sequence, tag } = entry;
    this.book.advance({ sequence, tag, generation: this.inbox.generation });
    this.#report(false);
    if (CHANGES.has(entry.kind)) return this.#changed(entry);
    const message = entry.kind === "message" || isKnownGone(entry) ? readMessage(entry, this.me) : null;
    if (message === null) return this.book.changed();
    // The thread of messages that belong nowhere is made from what the book keeps: before this one is in it.
    const known = message.conversation.key === UNKNOWN ? this.thread(message.conversation) : null;
    const noted = this.book.note(message, sequence);
    (known ?? this.thread(noted)).addLive(message, sequence);
    if (live && !noted.listed && message.place > 0) this.#listSoon();
    if (live && message.from !== this.me && message.gone === null) this.emit("arrived", { entry: noted, message });
    return undefined;
  }

  /** The list says more of a conversation than its messages, as up to where it was cleared. */
  #listSoon() {
    this.#listing ||= setTimeout(() => {
      this.#listing = 0;
      if (!this.life.aborted) this.catalogue.load();
    }, LIST_MS);
  }

  #changed(entry) {
    const key = changedKey(entry, this.me);
    if (key !== null) {
      this.book.noteChange(key, entry);
      return this.#threads.get(key)?.change(entry);
    }
    // It may concern anybody who wrote to us, so what is shown is read again.
    for (const thread of this.#threads.values()) if (thread.conversation.kind === "direct") thread.startOver();
    return this.catalogue.load();
  }

  /** Tells the server how far we have come, once for a burst. */
  #report(again, wait = REPORT_MS) {
    if (again) {
      // Another connection, which does not wait for what went wrong on the last one.
      clearTimeout(this.#reporting);
      this.#reporting = 0;
      this.#reported = 0;
      this.#reportAgain.reset();
    }
    this.#reporting ||= setTimeout(() => {
      this.#reporting = 0;
      const sequence = this.inbox.last;
      // What is not reported now is reported after the next connect.
      if (sequence <= this.#reported || !this.#isSure()) return;
      this.connection.call("received", { sequence }).then(
        () => {
          this.#reported = Math.max(this.#reported, sequence);
          this.#reportAgain.reset();
        },
        (error) => {
          if (this.life.aborted) return;
          console.warn("the server did not take a receipt", error);
          // The connection may stay open for hours, and nothing else may come.
          this.#report(false, this.#reportAgain.next());
        },
      );
    }, wait);
  }

  #queued(entry) {
    const message = ownMessage(entry, this.me);
    // Where the user has written is kept before other conversations, when there is no room for all.
    const conversation = this.book.begin(message.conversation);
    conversation.wrote = true;
    const thread = this.thread(conversation);
    thread.addPending(message, this.#stateOf(entry));
    thread.setState(entry.raw, this.#stateOf(entry), entry.failed);
  }

  #stateOf(entry) {
    if (entry.failed !== null) return "failed";
    // Without a connection it is that which is missing, and the page says so.
    return this.health.sending === null || this.connection.state !== "open" ? "sending" : "waiting";
  }

  #showWaiting() {
    for (const entry of this.outbox.waiting) this.#threads.get(entry.key)?.setState(entry.raw, this.#stateOf(entry));
  }

  #refused(entry) {
    // It takes messages, only not this one.
    this.health.note("sending", null);
    this.#threads.get(entry.key)?.setState(entry.raw, "failed", entry.failed);
  }

  #stored(entry, answer) {
    this.health.note("sending", null);
    this.#threads.get(entry.key)?.setState(entry.raw, "stored");
    if (entry.peer) this.receipts.sent(entry.peer, entry.id, Number(answer.sequence));
    const failed = Array.isArray(answer.failedMembers) ? answer.failedMembers : [];
    if (failed.length === 0) return;
    const others = failed.length > NAMED_MAX ? ` and ${failed.length - NAMED_MAX} others` : "";
    this.emit("notice", `Not stored for ${failed.slice(0, NAMED_MAX).map(shownName).join(", ")}${others}.`);
  }
}

/** Whether a message is gone that somebody in particular had sent, and that is no more than what others see, too. */
function isKnownGone({ kind, status, from, place }) {
  return kind === "tombstone" && from !== null && place > 0 && ["recalled", "deleted"].includes(status);
}
