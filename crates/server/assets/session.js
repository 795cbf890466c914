// Everything of one user who is here: joins connection, inbox, outbox, presence and receipts with the conversations.

import { Book } from "./book.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Inbox } from "./inbox.js";
import { directKey, groupKey, readMessage, UNKNOWN } from "./message.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { freshId } from "./protocol.js";
import { Receipts } from "./receipts.js";
import { Thread } from "./thread.js";
import { history, statuses } from "./http.js";

const REPORT_MS = 60;
const PEERS_MAX = 100;

/** Emits `arrived` with { entry, message } for messages of others that are new, and `notice` with a sentence. */
export class Session extends Emitter {
  #threads = new Map();
  #reporting = 0;
  #reported = 0;

  constructor(me) {
    super();
    this.me = me;
    this.book = new Book(me);
    this.connection = new Connection(me);
    this.presence = new Presence(this.connection);
    this.receipts = new Receipts(me, this.book.store, this.connection);
    this.outbox = new Outbox(me);
    this.inbox = new Inbox(me, this.book.cursor, (entry, live) => this.#arrived(entry, live));
    this.connection.on("message", ({ channel, text }) => channel === `$inbox:${me}` && this.#pushed(text));
    this.connection.on("open", () => this.#opened());
    this.presence.on("partial", () => this.#askForPeers());
    this.outbox.on("queued", (entry) => this.#queued(entry));
    this.outbox.on("stored", ({ entry, answer }) => this.#stored(entry, answer));
    this.outbox.on("failed", (entry) => this.#threads.get(entry.key)?.setState(entry.raw, "failed"));
    this.outbox.on("dropped", (entry) => this.#threads.get(entry.key)?.dropPending(entry.raw));
  }

  start() {
    for (const entry of this.outbox.entries) this.#queued(entry);
    this.connection.start();
    this.inbox.catchUp();
    this.outbox.start();
    this.receipts.follow(null);
  }

  stop() {
    this.connection.stop();
    this.outbox.stop();
  }

  /** The conversation with one person. */
  direct(peer) {
    return this.book.open({ key: directKey(peer), kind: "direct", peer, title: peer, members: [] });
  }

  /** A new group. Two groups may have one name, so what they are stored under has a random end. */
  group(title, members) {
    const group = `${title}~${freshId().slice(0, 8)}`;
    const everybody = [...new Set([this.me, ...members])];
    return this.book.open({ key: groupKey(group), kind: "group", group, title, members: everybody });
  }

  /** The messages of a conversation. */
  thread(entry) {
    let thread = this.#threads.get(entry.key);
    if (!thread) {
      thread = new Thread(entry, this.me, (conversation, range) => history(conversation, this.me, range));
      if (entry.key === UNKNOWN) thread.restore(this.book.keptUnknown());
      this.#threads.set(entry.key, thread);
    }
    return thread;
  }

  send(entry, text) {
    this.outbox.add(entry, text);
  }

  #opened() {
    this.outbox.hurry();
    this.connection
      .call("hello")
      .then(({ store }) => {
        const known = this.book.recognise(store);
        this.receipts.recognise(store);
        if (!known) this.#startOver();
      })
      .catch((error) => console.warn("the server did not say hello", error))
      .then(() => this.inbox.catchUp())
      .then(() => this.#report(true));
  }

  #askForPeers() {
    const talks = this.book.list().filter((entry) => entry.kind === "direct");
    const names = talks.map((entry) => entry.peer).slice(0, PEERS_MAX);
    if (names.length === 0) return;
    statuses(names).then(
      (found) => this.presence.note(found),
      (error) => console.warn("who is online is known in part", error),
    );
  }

  #startOver() {
    this.inbox.restart();
    this.#threads.clear();
    this.#reported = 0;
    for (const entry of this.outbox.entries) this.#queued(entry);
    this.emit("reset");
    this.emit("notice", "This server keeps other messages than the one you used before.");
  }

  #pushed(text) {
    const { sequence, message } = JSON.parse(text);
    this.inbox.push({ sequence: Number(sequence), message });
  }

  #arrived({ sequence, message: raw }, live) {
    const message = readMessage(raw, this.me);
    // The thread of messages that belong nowhere is made from what the book keeps: before this one is in it.
    const known = message.conversation.key === UNKNOWN ? this.thread(message.conversation) : null;
    const entry = this.book.note(message, sequence);
    (known ?? this.thread(entry)).addLive(message, sequence);
    this.#report(false);
    if (live && message.from !== this.me) this.emit("arrived", { entry, message });
  }

  /** Tells the server how far we have come, once for a burst. */
  #report(again) {
    if (again) this.#reported = 0;
    this.#reporting ||= setTimeout(() => {
      this.#reporting = 0;
      const sequence = this.inbox.last;
      if (sequence <= this.#reported || this.connection.state !== "open") return;
      this.connection.call("received", { sequence }).then(
        () => (this.#reported = Math.max(this.#reported, sequence)),
        (error) => console.warn("a receipt was not taken", error),
      );
    }, REPORT_MS);
  }

  #queued(entry) {
    const message = readMessage(entry.raw, this.me);
    const thread = this.thread(this.book.open(message.conversation));
    const state = entry.failed === null ? "sending" : "failed";
    thread.addPending(message, state);
    thread.setState(entry.raw, state);
  }

  #stored(entry, answer) {
    this.#threads.get(entry.key)?.setState(entry.raw, "stored");
    if (entry.peer) this.receipts.sent(entry.peer, entry.id, Number(answer.sequence));
    const failed = answer.failedMembers ?? [];
    if (failed.length > 0) this.emit("notice", `Not stored for ${failed.join(", ")}.`);
  }
}
