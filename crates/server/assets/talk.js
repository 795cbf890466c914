// The pane of the open conversation: its head, its messages, and the field to write in.

import { avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { painter } from "./dom.js";
import { LastSeen } from "./last_seen.js";
import { Log } from "./log.js";
import { shownName } from "./name.js";
import { isChangeable } from "./revision.js";
import { momentName } from "./time.js";
import { Withdrawal } from "./withdrawal.js";

const MEMBERS_SHOWN = 50;

/** Calls `onread` with the entry whose newest message is on the screen, and the place up to which its messages are here. */
export class Talk {
  #entry = null;

  constructor(root, session, { onread }) {
    this.root = root;
    this.session = session;
    this.title = root.querySelector("#talk-title");
    this.detail = root.querySelector("#talk-detail");
    this.sign = root.querySelector("#talk-sign");
    this.log = new Log(root, session, {
      onbottom: (thread) => this.#entry && onread(this.#entry, thread.reach),
      actions: {
        retry: (raw) => session.outbox.retry(raw),
        drop: (raw) => session.outbox.drop(raw),
        edit: (record) => this.composer.edit(record),
        remove: (record) => this.withdrawal.ask(record, this.#current),
      },
    });
    this.composer = new Composer(root, session.drafts, {
      onsend: (text) => this.#send(text),
      onedited: (record, text) => session.edit(this.#current, record, text),
      newest: () => this.#entry && session.thread(this.#current).records.findLast(isChangeable),
    });
    this.withdrawal = new Withdrawal(document.querySelector("#withdrawal"), (record, entry) => this.#remove(record, entry));
    this.seen = new LastSeen(session.presence, session.life);
    this.seen.on("change", () => this.#paint());
    this.composer.field.addEventListener("input", () => session.health.glance());
    this.paint = painter(() => this.#paint());
    session.presence.on("change", this.paint);
    session.connection.on("state", this.paint);
    session.book.on("change", this.paint);
  }

  get key() {
    return this.#entry?.key ?? null;
  }

  /** Shows the open conversation anew: its messages are others now. */
  restart() {
    if (this.#entry) this.open(this.session.book.open(placeOf(this.#entry)));
  }

  open(entry) {
    this.#entry = entry;
    this.root.classList.add("has-talk");
    this.sign.replaceChildren(avatar(entry));
    this.composer.open(entry, obstacle(entry, this.session.me));
    this.session.receipts.current = entry.kind === "direct" ? entry.peer : null;
    this.log.show(this.session.thread(entry));
    this.session.reads.look(entry);
    this.#paint();
  }

  close() {
    this.#entry = null;
    this.composer.close();
    this.root.classList.remove("has-talk");
    this.session.receipts.current = null;
    this.log.show(null);
  }

  #send(text) {
    this.session.send(this.#current, text);
    this.log.noteOwn();
    this.log.toBottom();
    this.composer.focus();
  }

  #remove(record, entry) {
    this.composer.leave(record);
    // When it fails the session has said so.
    this.session.remove(entry, record).catch(() => {});
    this.composer.focus();
  }

  /** What is known of the conversation now; another tab may have changed it. */
  get #current() {
    return this.session.book.conversations.get(this.#entry.key) ?? this.#entry;
  }

  #paint() {
    if (!this.#entry) return;
    const entry = this.#current;
    this.title.textContent = shownName(entry.title);
    this.composer.obstruct(obstacle(entry, this.session.me));
    const detail = this.#detail(entry);
    if (this.detail.textContent !== detail) this.detail.textContent = detail;
    const { connection, presence } = this.session;
    const connected = connection.state === "open";
    this.root.classList.toggle("is-cut-off", !connected);
    this.root.classList.toggle("is-online", connected && entry.kind === "direct" && presence.online.has(entry.peer));
  }

  #detail(entry) {
    // On a phone nothing else beside an open conversation says so.
    if (this.session.connection.state !== "open") return "Not connected";
    if (entry.kind === "unknown") return "Messages that do not say where they belong";
    if (entry.kind === "group") return entry.members.length > 0 ? entry.members.slice(0, MEMBERS_SHOWN).map(shownName).join(", ") : "Members are not known";
    if (entry.peer === this.session.me) return "Notes to yourself";
    if (!this.session.presence.fresh) return "";
    const online = this.session.presence.isOnline(entry.peer);
    if (online === null) return "";
    if (online) return "Online";
    const seen = this.seen.of(entry.peer);
    return seen === null ? "Offline. Messages wait for their return." : `Offline, last seen ${momentName(seen)}`;
  }
}

/** Where a conversation is, without what was said in it. */
function placeOf({ key, kind, title, members, peer, group }) {
  return { key, kind, title, members, peer, group };
}

function obstacle(entry, me) {
  if (entry.kind === "unknown") return "There is nobody to answer here.";
  if (entry.kind === "group" && !entry.members.includes(me)) return "The members of this group are not known, so you cannot write to it.";
  return null;
}
