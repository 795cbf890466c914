// One message as it is shown.

import { changes } from "./changes.js";
import { el, icon } from "./dom.js";
import { goneText } from "./message.js";
import { initials, shownName, tint } from "./name.js";
import { written } from "./text.js";
import { clockTime, dayName, fullTime, sameDay } from "./time.js";

const STATES = {
  sending: { icon: "clock", text: "Sending" },
  waiting: { icon: "clock", text: "Waiting" },
  stored: { icon: "check", text: "Sent" },
  delivered: { icon: "checks", text: "Delivered" },
  read: { icon: "checks", text: "Read" },
  failed: { icon: "warning", text: "Not sent" },
};

const RAW_LENGTH_MAX = 4_000;

/** The day that begins with a message, or nothing. */
export function divider(record, before) {
  const { at } = record.message;
  if (at === null || (before && (before.message.at === null || sameDay(at, before.message.at)))) return null;
  return dayName(at);
}

/** What a bubble looks like, as a text: as long as it is the same the element can stay. */
export function signature({ record, state, first, last, newest, named, changeable }) {
  const { from, at, verified, gone, edited, editedAt } = record.message;
  return [record.raw, from, at, verified, gone, edited, editedAt, state, record.reason, first, last, newest, named, changeable].join("\u0000");
}

/** The element of a message. */
export function bubble({ record, state, first, last, newest, named, changeable }, actions) {
  const { message, mine } = record;
  const gone = message.gone ?? null;
  const author = mine ? "You" : shownName(message.from ?? "Unknown");
  const shape = ["message", mine ? "is-mine" : "is-theirs", first && "is-first", last && "is-last", gone && "is-gone", `is-${state || "received"}`];
  const sign = named && last ? el("span", { class: `avatar small tint-${tint(author)}`, "aria-hidden": "true" }, initials(author)) : null;
  const name = el("span", { class: named && first ? "author" : "spoken", dir: "auto" }, named && first ? author : `${author}: `);
  return el(
    "li",
    { class: shape.filter(Boolean).join(" ") },
    named ? el("span", { class: "gutter" }, sign) : null,
    changeable ? changes(record, actions) : null,
    el(
      "div",
      { class: "bubble" },
      name,
      gone === null ? el("p", { class: "text", dir: "auto" }, ...words(message.text)) : el("p", { class: "gone" }, goneText(gone, mine)),
      el("span", { class: "meta" }, doubt(message), time(message.at), editedMark(message), mine && gone === null ? delivery(state, newest) : null),
      state === "failed" ? el("p", { class: "reason", dir: "auto" }, record.reason) : null,
      state === "failed" ? choices(record, actions) : null,
    ),
  );
}

/** A message as it came, for one that cannot be drawn: its letters, and nothing made of them. */
export function rawBubble({ raw, mine }) {
  const text = el("p", { class: "text", dir: "auto" }, String(raw).slice(0, RAW_LENGTH_MAX));
  return el("li", { class: `message is-first is-last ${mine ? "is-mine" : "is-theirs"}` }, el("div", { class: "bubble" }, text));
}

function words(text) {
  try {
    return written(text);
  } catch (error) {
    console.warn("a text is shown without its links", error);
    return [text];
  }
}

/** Says that nobody but the sender says who the sender is. */
function doubt({ verified }) {
  const why = "The server does not know who sent this. The name is what the message says of itself.";
  return verified ? null : el("span", { class: "unverified", title: why }, "unverified");
}

function editedMark({ edited, editedAt }) {
  if (!edited) return null;
  const when = editedAt ?? null;
  return el("span", { class: "edited", title: when === null ? null : `Edited ${fullTime(when)}` }, when === null ? "edited" : `edited ${clockTime(when)}`);
}

function time(at) {
  return at === null ? null : el("time", { datetime: new Date(at).toISOString(), title: fullTime(at) }, clockTime(at));
}

/** The state as a sign, and as a word: always for those who listen, for all on the newest message and on trouble. */
function delivery(state, newest) {
  const { icon: name, text } = STATES[state];
  const plain = newest || state === "failed" || state === "waiting";
  return el("span", { class: "delivery", title: text }, icon(name), el("span", { class: plain ? "word" : "spoken" }, text));
}

function choices(record, { retry, drop }) {
  return el(
    "span",
    { class: "choices" },
    el("button", { type: "button", class: "plain", onclick: () => retry(record.raw) }, "Try again"),
    el("button", { type: "button", class: "plain", onclick: () => drop(record.raw) }, "Discard"),
  );
}
