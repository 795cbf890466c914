// What stands above the first message, and the line above the first that is new.

import { el } from "./dom.js";

/** What is said above the oldest message that was read. */
export function edge(thread) {
  if (thread.failed) {
    const again = () => (thread.opened ? thread.readOlder() : thread.open());
    return ["Older messages cannot be read now. ", el("button", { type: "button", class: "plain", onclick: again }, "Try again")];
  }
  if (thread.loading) return ["Reading older messages…"];
  if (thread.hasOlder) return [""];
  if (thread.floor > 0) return ["Older messages were removed from this conversation."];
  if (thread.records.length > 0) return [thread.conversation.kind === "unknown" ? "These messages do not say where they belong." : "This is where it began."];
  return ["Nothing here yet. Say hello."];
}

/** The line between what was read and what is new. */
export function unreadLine() {
  return el("li", { class: "unread-line", role: "separator", "aria-label": "New messages" }, el("span", { "aria-hidden": "true" }, "New messages"));
}

/** Whether a message is new to a reader who has read up to `place`. */
export function isNewBehind(place, { sequence, mine, pending, message }) {
  return !mine && !pending && !message.gone && (sequence ?? Infinity) > place;
}
