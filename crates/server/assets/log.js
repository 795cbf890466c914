// The messages of the open conversation. However many there are, a window of them is in the document; it moves as
// one scrolls, and what is on the screen stays where it is.

import { bubble, divider, rawBubble, signature } from "./bubble.js";
import { ChangeKeys } from "./changes.js";
import { arrange, el, painter } from "./dom.js";
import { edge, isNewBehind, unreadLine } from "./edge.js";
import { isChangeable } from "./revision.js";

const WINDOW = 160;
const LEAD = 60;
// How near to an edge of the window, in pixels, one may come before it moves.
const EDGE = 900;
const BOTTOM = 48;

/** Calls `onbottom` with the thread when its newest message is on the screen; `actions` are those of failed messages and of our own. */
export class Log {
  #nodes = new Map();
  #thread = null;
  #session;
  #stuck = true;
  #painting = false;
  #from = 0;
  #to = 0;
  #seen = 0;
  /** Up to which place all was here then: what the inbox brings of that later is older, and no news. */
  #seenPlace = 0;
  /** How many records there were when the document was last made: what came since is not judged by where it scrolls. */
  #painted = 0;
  /** Up to which place all was read when the conversation was opened, or when its reader looked away; `null` without news. */
  #line = null;
  #lineNode = unreadLine();
  /** Where the scroller was when the newest message was last put at its lower edge. */
  #bottom = 0;

  constructor(root, session, { onbottom, actions }) {
    this.#session = session;
    this.scroller = root.querySelector("#log");
    this.list = root.querySelector("#messages");
    this.jump = root.querySelector("#jump");
    this.onbottom = onbottom;
    this.actions = actions;
    this.paint = painter(() => this.#paint());
    this.keys = new ChangeKeys(this.list);
    this.older = el("li", { class: "edge" });
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.jump.addEventListener("click", () => this.toBottom());
    const grown = new ResizeObserver(() => this.#isFollowing() && this.#glue());
    grown.observe(this.scroller);
    grown.observe(this.list);
    session.receipts.on("change", this.paint);
    session.book.on("change", this.paint, session.life);
    document.addEventListener("visibilitychange", () => this.#report(), { signal: session.life });
    this.refresh = (thread) => thread === this.#thread && this.paint();
  }

  /** Shows a conversation from its newest message on. */
  show(thread) {
    if (this.#thread) this.#thread.shown = false;
    if (thread) thread.shown = true;
    this.#thread = thread;
    this.#nodes.clear();
    this.list.replaceChildren();
    this.#stuck = true;
    this.#bottom = 0;
    this.#seen = 0;
    // A thread is listened to once, however often it is shown.
    if (thread && !thread.listened) {
      thread.listened = true;
      thread.on("change", () => this.refresh(thread));
    }
    thread?.open();
    // Before anything is painted: what is on the screen counts as read from then on.
    this.#line = this.#news(thread);
    this.#paint();
  }

  /** What was written now has been read before. */
  noteOwn() {
    this.#line = null;
  }

  /** Up to where all is read when something is new, or `null`. */
  #news(thread) {
    const entry = thread && this.#entryOf(thread);
    return entry && entry.unread > 0 && entry.top > 0 ? entry.readPlace : null;
  }

  #entryOf({ conversation }) {
    return this.#session.book.conversations.get(conversation.key);
  }

  toBottom() {
    this.#stuck = true;
    this.#bottom = 0;
    this.#paint();
    this.scroller.focus({ preventScroll: true });
  }

  /** Whether the newest message is on the screen. */
  get atBottom() {
    return this.#stuck;
  }

  #paint() {
    const thread = this.#thread;
    if (!thread) return;
    const { records } = thread;
    // The order matters: where the first message on the screen stands is measured before the document changes, and put
    // back afterwards.
    const anchor = this.#isFollowing() ? null : this.#anchor();
    this.#place(records, anchor);
    const delivered =
      thread.conversation.kind === "direct"
        ? this.#session.receipts.delivered(thread.conversation.peer, records)
        : new Set();
    // What comes while nobody looks is new, and what was new before is not any more.
    if (!this.#stuck || document.hidden) this.#line = this.#news(thread) ?? this.#line;
    const line = this.#line === null ? -1 : records.findIndex((record) => isNewBehind(this.#line, record));
    const nodes = [this.#edge(thread)];
    for (let at = this.#from; at < this.#to; at += 1) {
      const drawn = this.#drawn(records, at, delivered, thread);
      // Behind the name of the day, which is not new.
      if (at === line) drawn.splice(-1, 0, this.#lineNode);
      nodes.push(...drawn);
    }
    this.#painted = records.length;
    thread.held = !this.#stuck;
    this.#painting = true;
    arrange(this.list, nodes);
    for (const [key, { node }] of this.#nodes) if (!node.isConnected) this.#nodes.delete(key);
    this.keys.rove();
    if (this.#stuck) this.#glue();
    else if (anchor) this.#hold(anchor);
    this.#painting = false;
    this.#offer(records);
    this.#report();
    this.#fill(thread);
  }

  /** The nodes of one record. One that cannot be drawn is shown as it came, and harms no other. */
  #drawn(records, at, delivered, thread) {
    const record = records[at];
    try {
      const before = records[at - 1];
      const gap = divider(record, before);
      const day = gap && this.#node(`day${record.key}`, gap, () => el("li", { class: "day" }, el("span", {}, gap)));
      const look = this.#look(record, before, records[at + 1], delivered, thread);
      const message = this.#node(record.key, signature(look), () => bubble(look, this.actions));
      return day ? [day, message] : [message];
    } catch (error) {
      console.warn("a message is shown as it came", error);
      return [this.#node(record.key, "raw", () => rawBubble(record))];
    }
  }

  #look(record, before, after, delivered, thread) {
    return {
      record,
      state: record.mine && record.state === "stored" ? this.#reached(record, delivered, thread) : record.state,
      changeable: isChangeable(record) && thread.conversation.kind !== "unknown",
      first: !follows(record, before),
      last: !follows(after, record),
      newest: record.mine && !after,
      named: thread.conversation.kind !== "direct" && !record.mine,
    };
  }

  /** How far a message of ours has come. */
  #reached(record, delivered, thread) {
    const isRead = record.sequence !== null && record.sequence <= (this.#entryOf(thread)?.peerRead ?? 0);
    return isRead ? "read" : delivered.has(record) ? "delivered" : record.state;
  }

  #node(key, sign, make) {
    let kept = this.#nodes.get(key);
    if (kept?.sign !== sign) {
      // A node that is made anew takes the focus along, or a person at the keyboard would be lost.
      const held = kept?.node.contains(document.activeElement);
      const name = held ? document.activeElement.className : "";
      const node = make();
      node.dataset.key = key;
      kept?.node.replaceWith(node);
      if (held) heir(node, name, this.scroller).focus({ preventScroll: true });
      kept = { sign, node };
      this.#nodes.set(key, kept);
    }
    return kept.node;
  }

  /** Chooses which records are in the document. */
  #place(records, anchor) {
    const at = anchor ? records.findIndex((record) => String(record.key) === anchor.key) : -1;
    if (this.#stuck || at < 0) {
      this.#to = records.length;
      this.#from = Math.max(0, this.#to - WINDOW);
      return;
    }
    this.#from = Math.max(0, at - LEAD);
    this.#to = Math.min(records.length, this.#from + WINDOW);
  }

  /** The first message on the screen, and where it is. */
  #anchor() {
    const top = this.scroller.getBoundingClientRect().top;
    for (const node of this.list.children) {
      const box = node.getBoundingClientRect();
      if (box.bottom > top && node.classList.contains("message")) return { key: node.dataset.key, top: box.top };
    }
    return null;
  }

  #hold(anchor) {
    const node = this.list.querySelector(`[data-key="${CSS.escape(anchor.key)}"]`);
    if (node) this.scroller.scrollTop += node.getBoundingClientRect().top - anchor.top;
  }

  #glue() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#bottom = this.scroller.scrollTop;
  }

  /**
   * Whether the newest message is to stay on the screen. Who has just scrolled up is not torn back, though the event that
   * tells of it comes with the next frame only.
   */
  #isFollowing() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollTop < this.#bottom && scrollHeight - scrollTop - clientHeight > BOTTOM) this.#stuck = false;
    return this.#stuck;
  }

  #scrolled() {
    if (this.#painting || !this.#thread) return;
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const under = scrollHeight - scrollTop - clientHeight;
    // Of what was painted: a message that came since is below, and whoever followed goes on following.
    const stuck = under <= BOTTOM && this.#to === this.#painted;
    const changed = stuck !== this.#stuck;
    this.#stuck = stuck;
    const up = scrollTop < EDGE && this.#from > 0;
    const down = under < EDGE && this.#to < this.#thread.records.length;
    if (changed || up || down) this.paint();
    else this.#fill(this.#thread);
  }

  /** Asks for older messages before the reader gets to the oldest here. */
  #fill(thread) {
    const near = this.scroller.scrollTop < EDGE && this.#from === 0;
    if (near && thread.opened && thread.hasOlder && !thread.loading && !thread.failed) thread.readOlder();
  }

  /** What stands above the first message in the document: nothing while others are above it that were read already. */
  #edge(thread) {
    const above = this.#from > 0;
    const key = `edge${above}${thread.loading}${thread.failed}${thread.hasOlder}${thread.floor > 0}${thread.records.length === 0}`;
    if (this.older.dataset.state === key) return this.older;
    this.older.dataset.state = key;
    this.older.replaceChildren(...(above ? [] : edge(thread)));
    return this.older;
  }

  #offer(records) {
    const { reach } = this.#thread;
    // What belongs nowhere has no places.
    if (this.#stuck) [this.#seen, this.#seenPlace] = [records.at(-1)?.key ?? 0, Number.isFinite(reach) ? reach : 0];
    const isFresh = ({ key, mine, inbox, sequence }) => key > this.#seen && !mine && inbox && (sequence ?? Infinity) > this.#seenPlace;
    const fresh = this.#stuck ? 0 : records.filter(isFresh).length;
    this.jump.hidden = this.#stuck;
    this.jump.querySelector("span").textContent =
      fresh === 0 ? "To the newest" : fresh === 1 ? "1 new message" : `${fresh} new messages`;
  }

  #report() {
    const thread = this.#thread;
    if (!thread) return;
    // What the list knows of and the inbox did not bring is in the history.
    thread.reachTo(this.#entryOf(thread)?.top ?? 0);
    if (this.#stuck && !document.hidden && this.#isWhole(thread)) this.onbottom(thread);
  }

  /** Whether all that is unread is here, also before the history is, or when it cannot be read. */
  #isWhole(thread) {
    if (thread.opened) return true;
    const { unread, readPlace } = this.#entryOf(thread) ?? { unread: 0, readPlace: 0 };
    const here = thread.records.filter((record) => isNewBehind(readPlace, record));
    return here.length > 0 && here.length >= unread;
  }
}

/** Whether a message goes on where the one before stopped: same author, soon after, same day. */
function follows(record, before) {
  if (!record || !before) return false;
  const close = record.message.at !== null && before.message.at !== null && record.message.at - before.message.at < 300_000;
  return record.message.from === before.message.from && close && !divider(record, before);
}

/** Finds what takes the focus over: the button of the same name, or else any. */
function heir(node, name, otherwise) {
  const buttons = [...node.querySelectorAll("button")];
  return buttons.find((button) => button.className === name) ?? buttons[0] ?? otherwise;
}
