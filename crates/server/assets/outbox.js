// Messages on their way to the server. They are kept in the browser until the server has answered for them, so a
// reload, a crash or a dead server loses none; each has an id, so sending it again is harmless.

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { writeMessage } from "./message.js";
import { freshId } from "./protocol.js";
import { Stored } from "./storage.js";
import { Refused, send } from "./http.js";

/** Emits `queued`, `stored` with { entry, answer }, `failed` and `dropped`, each with the entry. */
export class Outbox extends Emitter {
  #stored;
  #backoff = new Backoff({ first: 300, most: 10_000 });
  #sending = false;
  #wake = null;
  #stopped = false;

  constructor(me) {
    super();
    this.me = me;
    this.#stored = new Stored(me, "outbox");
    this.entries = this.#read();
  }

  /** Sends what a visit before left behind. */
  start() {
    this.#run();
  }

  stop() {
    this.#stopped = true;
  }

  /** Queues a text; it is safe in the browser when this returns. */
  add(conversation, text) {
    const id = freshId();
    const raw = writeMessage(conversation, { id, from: this.me, text, at: Date.now() });
    const place =
      conversation.kind === "group"
        ? { path: "/timeline/sendGroup", fields: { group_name: conversation.group, group_members: conversation.members } }
        : { path: "/timeline/send", fields: { from: this.me, to: conversation.peer } };
    const body = JSON.stringify({ ...place.fields, message: raw, message_id: id });
    const entry = { id, key: conversation.key, peer: conversation.peer, path: place.path, body, raw, failed: null };
    this.entries.push(entry);
    this.#save((others) => [...others, entry]);
    this.emit("queued", entry);
    this.#run();
  }

  /** Tries a refused message again. */
  retry(raw) {
    const entry = this.entries.find((entry) => entry.raw === raw);
    if (!entry) return;
    entry.failed = null;
    this.#save((others) => others.map((other) => (other.id === entry.id ? entry : other)));
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
        else await this.#pause();
      }
    }
    this.#sending = false;
  }

  #refuse(entry, error) {
    entry.failed = error.message;
    this.#save((others) => others.map((other) => (other.id === entry.id ? entry : other)));
    this.emit("failed", entry);
  }

  #pause() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#backoff.next());
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #remove(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.#save((others) => others.filter((other) => other.id !== entry.id));
  }

  /** Changes what is kept; other tabs keep theirs in the same place. */
  #save(change) {
    this.#stored.write(change(this.#read()));
  }

  #read() {
    const kept = this.#stored.read();
    return Array.isArray(kept) ? kept : [];
  }
}
