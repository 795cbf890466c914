// The list of conversations and people, and the field that finds or begins one.

import { avatar } from "./avatar.js";
import { arrange, composing, el, painter } from "./dom.js";
import { directKey } from "./message.js";
import { checkedName, shownName } from "./name.js";
import { peopleEnd, RailEnd } from "./rail_end.js";
import { shortTime } from "./time.js";

const SHOWN_MAX = 200;
// How near to the end of the conversations, in pixels, the next ones are asked for.
const NEAR = 400;

const count = new Intl.NumberFormat("en");

/** Calls `onopen` with the entry that was chosen. */
export class Rail {
  #items = new Map();
  #focusedKey = null;
  #shown = SHOWN_MAX;

  constructor(root, session, onopen) {
    this.session = session;
    this.onopen = onopen;
    this.current = null;
    this.search = root.querySelector("#search");
    this.list = root.querySelector("#list");
    this.empty = root.querySelector("#list-empty");
    this.headings = { talks: heading("Conversations"), people: heading("Online now"), others: heading("Also online"), start: heading("Begin") };
    this.end = new RailEnd(() => this.#more(), () => session.catalogue.load());
    this.frame = root.querySelector(".list-frame");
    this.frame.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.paint = painter(() => this.#paint());
    session.catalogue.on("change", this.paint);
    session.book.on("change", this.paint);
    session.presence.on("change", this.paint);
    session.on("reset", this.paint);
    this.search.addEventListener("input", this.paint);
    this.search.addEventListener("keydown", (event) => this.#searchKey(event));
    this.list.addEventListener("keydown", (event) => this.#listKey(event));
    this.list.addEventListener("focusin", (event) => this.#focused(event.target.closest("button")?.dataset.key));
    this.paint();
  }

  /** Marks the open conversation. */
  mark(key) {
    this.current = key;
    this.#focused(key ?? this.#focusedKey);
    this.paint();
  }

  /** Puts the focus on the conversation that was open, or on the first. */
  focus() {
    (this.#items.get(this.current)?.button ?? this.list.querySelector("button.row") ?? this.search).focus();
  }

  #paint() {
    const { book, presence, me } = this.session;
    const typed = comparable(this.search.value);
    const found = (title) => comparable(title).includes(typed);
    const all = book.list().filter((entry) => found(entry.title));
    const talks = all.slice(0, this.#shown);
    const talking = new Set(all.map((entry) => entry.key));
    const people = [...presence.online]
      .filter((name) => name !== me && !talking.has(directKey(name)) && found(name))
      .sort((left, right) => left.localeCompare(right));
    // Whoever is called exactly as what is typed comes first, however many others have it in their names.
    const named = typed === "" ? [] : people.filter((name) => comparable(name) === typed);
    const shown = [...new Set([...named, ...people])].slice(0, SHOWN_MAX);
    this.list.classList.toggle("is-stale", !presence.fresh);
    const rows = [];
    if (talks.length > 0) rows.push(this.headings.talks, ...talks.map((entry) => this.#row(entry)));
    const end = this.end.show(this.session.catalogue, all.length > talks.length);
    if (end) rows.push(end);
    if (people.length > 0) rows.push(talks.length > 0 ? this.headings.others : this.headings.people);
    rows.push(...shown.map((name) => this.#row(personEntry(name))));
    const rest = peopleEnd(people.length - shown.length + presence.unlisted, count);
    if (rest) rows.push(rest);
    const start = this.#start(typed, all, people);
    if (start) rows.push(this.headings.start, start);
    arrange(this.list, rows);
    for (const [key, item] of this.#items) if (!item.row.isConnected) this.#items.delete(key);
    this.empty.hidden = rows.some((row) => row.querySelector("button")) || typed !== "" || this.session.catalogue.loading;
    this.#rove();
  }

  /** Shows more conversations: those that are known first. */
  #more() {
    const known = this.session.book.conversations.size;
    this.#shown += SHOWN_MAX;
    if (known < this.#shown) this.session.catalogue.loadMore();
    this.paint();
  }

  #scrolled() {
    const { row } = this.end;
    if (!row.isConnected || this.session.catalogue.loading || this.session.catalogue.failed !== null) return;
    if (row.getBoundingClientRect().top < this.frame.getBoundingClientRect().bottom + NEAR) this.#more();
  }

  /** The offer to write to somebody who is not in the list. */
  #start(typed, talks, people) {
    if (typed === "") return null;
    let name;
    try {
      name = checkedName(this.search.value);
    } catch {
      return null;
    }
    const listed = people.includes(name) || talks.some((entry) => entry.kind === "direct" && entry.peer === name);
    return listed ? null : this.#row({ ...personEntry(name), preview: startNote(this.session.presence.isOnline(name)), begin: true });
  }

  #row(entry) {
    let item = this.#items.get(entry.key);
    if (!item) {
      item = makeRow();
      item.button.dataset.key = entry.key;
      this.#items.set(entry.key, item);
    }
    item.entry = entry;
    item.button.onclick = () => this.#open(item.entry);
    try {
      this.#fill(item, entry);
    } catch (error) {
      // One conversation that cannot be drawn must not take the others out of the list.
      console.warn("a conversation is listed by its name alone", error);
      item.title.textContent = entry.title;
    }
    return item.row;
  }

  #fill(item, entry) {
    const online = entry.kind === "direct" && this.session.presence.isOnline(entry.peer);
    const { unread } = entry;
    const number = unread === 0 ? "" : unread > 999 || entry.capped ? "999+" : String(unread);
    const who = entry.from === this.session.me ? "You: " : entry.kind === "group" && entry.from ? `${shownName(entry.from)}: ` : "";
    const quiet = entry.kind === "group" ? `${entry.members.length} members` : online === null ? "" : online ? "Online" : "Offline";
    const preview = entry.preview ? who + entry.preview : entry.last > 0 || entry.top > 0 ? "" : quiet;
    const title = shownName(entry.title);
    const state = [online, number, title, preview, entry.at, this.current === entry.key, entry.begin].join("\u0000");
    if (item.state === state) return;
    item.state = state;
    if (item.title.textContent !== title) item.sign.replaceChildren(avatar(entry), el("span", { class: "dot" }));
    item.title.textContent = title;
    item.preview.textContent = preview;
    item.time.textContent = entry.at === null ? "" : shortTime(entry.at);
    item.badge.textContent = number;
    item.badge.hidden = unread === 0;
    item.status.textContent = (online ? ", online" : "") + (unread > 0 ? `, ${number} unread` : "");
    item.row.classList.toggle("is-online", online === true);
    item.row.classList.toggle("is-unread", unread > 0);
    if (this.current === entry.key) item.button.setAttribute("aria-current", "true");
    else item.button.removeAttribute("aria-current");
  }

  #open(entry) {
    this.search.value = "";
    this.onopen(entry.kind === "direct" ? this.session.direct(entry.peer) : this.session.book.begin(entry));
  }

  #searchKey(event) {
    if (composing(event)) return;
    if (event.key === "ArrowDown" || event.key === "Enter") {
      // Somebody may type faster than the list is painted, and means what they typed.
      this.#paint();
      const first = this.list.querySelector("button.row");
      if (!first) return;
      event.preventDefault();
      if (event.key === "Enter") first.click();
      else first.focus();
    } else if (event.key === "Escape" && this.search.value !== "") {
      event.stopPropagation();
      this.search.value = "";
      this.paint();
    }
  }

  #listKey(event) {
    const buttons = [...this.list.querySelectorAll("button.row")];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    if (to < 0) this.search.focus();
    else buttons[Math.min(to, buttons.length - 1)].focus();
  }

  #focused(key) {
    if (key === undefined || key === null) return;
    this.#focusedKey = key;
    this.#rove();
  }

  /** One row takes part in the order of the tab key; arrows lead to the others. */
  #rove() {
    const buttons = [...this.list.querySelectorAll("button.row")];
    const chosen = buttons.find((button) => button.dataset.key === this.#focusedKey) ?? buttons[0];
    for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
  }
}

/** As it is searched for: in one spelling, without regard to case. */
function comparable(text) {
  return text.normalize("NFC").trim().toLocaleLowerCase();
}

function heading(text) {
  return el("li", { class: "list-heading" }, el("h2", {}, text));
}

/** What is said of somebody to whom one may write; `null` while it is not known whether they are online. */
function startNote(online) {
  if (online) return "Online";
  return online === null ? "Your message waits for them if they are away" : "Not online; your message waits until they are back";
}

function personEntry(name) {
  return { key: directKey(name), kind: "direct", peer: name, title: name, members: [], last: 0, top: 0, unread: 0, capped: false, preview: "", from: null, at: null };
}

function makeRow() {
  const sign = el("span", { class: "sign" });
  const title = el("span", { class: "row-title", dir: "auto" });
  const preview = el("span", { class: "row-preview", dir: "auto" });
  const time = el("span", { class: "row-time" });
  const badge = el("span", { class: "badge", "aria-hidden": "true" });
  const status = el("span", { class: "spoken" });
  const button = el("button", { type: "button", class: "row" }, sign, title, status, time, preview, badge);
  return { row: el("li", {}, button), button, sign, title, preview, time, badge, status, state: null, entry: null };
}
