// The user's conversations as the server lists them, page by page, the most recent first. Each page goes into the book;
// what the list does not have any more leaves it.

import { Backoff } from "./backoff.js";
import { conversations, isCut } from "./conversations.js";
import { Emitter } from "./emitter.js";
import { Refused } from "./http.js";
import { directKey, groupKey, readMessage } from "./message.js";
import { isName } from "./name.js";

const PAGE = 100;
// So many pages are read again after a connect; who has scrolled further scrolls again.
const AGAIN_MAX = 10;
// All pages at a server that could not hear the others learn it at once.
const CUT_MS = 2_000;

/** Emits `change` when `more`, `loading` or `failed` has changed. */
export class Catalogue extends Emitter {
  #me;
  #book;
  #life;
  #pages = 0;
  #next = null;
  #running = null;
  #again = false;
  #backoff = new Backoff();
  #timer = 0;

  constructor(me, book, connection, life) {
    super();
    this.#me = me;
    this.#book = book;
    this.#life = life;
    /** Whether the server has more conversations than were read. */
    this.more = false;
    /** Why they cannot be read now, or `null`. */
    this.failed = null;
    connection.on("open", () => this.load());
    connection.on("message", ({ channel, text }) => channel === `$read:${me}` && isCut(text) && this.#loadSoon());
    life.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  get loading() {
    return this.#running !== null;
  }

  /** Reads the list anew, as far as it was read before. Resolves also when it cannot be read now. */
  load() {
    this.#again = true;
    return this.#start(() => this.#whole());
  }

  /** Reads the list anew in a moment. */
  #loadSoon() {
    // Also by whoever reads a page before the timer is up, or reads just now.
    this.#again = true;
    // What has failed has a time of its own, which the server may have named.
    if (this.loading || this.failed !== null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), Math.random() * CUT_MS);
  }

  /** Reads the next page. */
  loadMore() {
    if (!this.more) return this.load();
    return this.#start(() => this.#page(this.#next));
  }

  #start(work) {
    clearTimeout(this.#timer);
    this.#running ??= this.#run(work);
    return this.#running;
  }

  async #run(work) {
    // Nobody hears of it before `loading` says so.
    await null;
    this.emit("change");
    try {
      await work();
      while (this.#again && !this.#life.aborted) await this.#whole();
      this.failed = null;
      this.#backoff.reset();
    } catch (error) {
      this.#fail(error);
    }
    this.#running = null;
    this.emit("change");
  }

  #fail(error) {
    if (this.#life.aborted) return;
    console.warn("the list of conversations cannot be read now", error);
    this.failed = error;
    // What a repetition will not mend a person may try again.
    if (error instanceof Refused && error.permanent) return;
    this.#timer = setTimeout(() => this.load(), Math.max(this.#backoff.next(), error.retryAfter ?? 0));
  }

  async #whole() {
    this.#again = false;
    const before = this.#listed();
    const pages = Math.min(Math.max(this.#pages, 1), AGAIN_MAX);
    const seen = new Set();
    let [oldest, after] = [Infinity, null];
    for (let page = 0; page < pages && (page === 0 || this.more); page += 1) {
      for (const { key, at } of await this.#page(after)) {
        seen.add(key);
        oldest = Math.min(oldest, at);
      }
      after = this.#next;
      this.#pages = page + 1;
    }
    // What came too late is no answer, and nobody is here any more.
    if (this.#life.aborted) return;
    this.#leaveOut(before, seen, this.more ? oldest : -Infinity);
  }

  /** Takes a page into the book, and returns what it has. */
  async #page(after) {
    const { conversations: found, more, next } = await conversations(this.#me, { after, count: PAGE });
    if (this.#life.aborted) return [];
    for (const summary of found) {
      const conversation = this.#conversationOf(summary);
      if (conversation !== null) this.#book.noteSummary(conversation, summary);
    }
    this.more = more && next !== null && next !== after;
    this.#next = next;
    if (after !== null) this.#pages += 1;
    return found;
  }

  /** What was listed before, and where: one that has moved meanwhile is somewhere else in the list by now. */
  #listed() {
    const listed = [...this.#book.conversations.values()].filter((entry) => entry.listed);
    return new Map(listed.map((entry) => [entry.key, entry.moved]));
  }

  #leaveOut(before, seen, oldest) {
    for (const [key, moved] of before) {
      const entry = this.#book.conversations.get(key);
      if (entry && !seen.has(key) && moved > oldest && entry.moved === moved) this.#book.unlist(key);
    }
  }

  /** What its last message says of it counts; a group without any is called as the server calls it. */
  #conversationOf({ key, with: peer, group, last, title }) {
    const told = last === null ? null : readMessage(last, this.#me).conversation;
    if (told !== null && told.key === key) return told;
    if (isName(group)) return { key: groupKey(group), kind: "group", group, title: title === "" ? group : title, members: [] };
    return isName(peer) ? { key: directKey(peer), kind: "direct", peer, title: peer, members: [] } : null;
  }
}
