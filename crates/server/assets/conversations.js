// The calls over HTTP about conversations: the user's list of them, what is unread, how far was read, and changes of
// messages.

import { readEntry } from "./entry.js";
import { post, request } from "./http.js";
import { directKey, groupKey } from "./message.js";

/** A page of the user's list, the most recent first: behind `after`, the `next` of the page before, or the first. */
export async function conversations(member, { after, count }) {
  const query = new URLSearchParams({ member, count: String(count) });
  if (after !== null) query.set("after", after);
  const answer = await request(`/timeline/conversations?${query}`);
  const found = Array.isArray(answer.conversations) ? answer.conversations : [];
  return { conversations: found.map(summaryOf).filter((each) => each.key !== null), more: answer.more === true, next: answer.next ?? null };
}

/** What is unread in a conversation, as in the list but without what was said last. */
export async function unreadIn(conversation, member) {
  const query = new URLSearchParams({ member, ...placeOf(conversation) });
  return viewOf(await request(`/timeline/unread?${query}`));
}

/** How far both of a pair have read it: { member, read } each. */
export async function cursorsIn(conversation, member) {
  const query = new URLSearchParams({ member, ...placeOf(conversation) });
  const { cursors } = await request(`/timeline/read?${query}`);
  return Array.isArray(cursors) ? cursors.map((cursor) => ({ member: String(cursor.member ?? ""), read: numberOf(cursor.read) })) : [];
}

/** Tells how far the user has read. Returns how far the server knows it now. */
export async function reportRead(conversation, member, sequence) {
  return Number((await post("/timeline/read", { member, ...placeOf(conversation), sequence: String(sequence) })).read ?? 0);
}

/** Gives a message of the user another text. */
export function editMessage(conversation, member, place, message) {
  return post("/timeline/edit", { member, ...placeOf(conversation), place: String(place), message });
}

/** Deletes a message of the user for everybody who got it. */
export function recallMessage(conversation, member, place) {
  return post("/timeline/recall", { member, ...placeOf(conversation), place: String(place) });
}

/** Reads how far somebody has read a conversation, as the server pushes it. */
export function cursorOf(wire) {
  return { key: keyOf(wire), member: String(wire.member ?? ""), read: numberOf(wire.read) };
}

/** Says whether the server may not have pushed all that was read: the list of conversations knows it. */
export function isCut(text) {
  try {
    return JSON.parse(text).cut === true;
  } catch {
    return false;
  }
}

function summaryOf(wire) {
  return {
    key: keyOf(wire),
    with: wire.with ?? null,
    group: wire.group ?? null,
    title: typeof wire.title === "string" ? wire.title : "",
    last: wire.last ? readEntry(wire.last) : null,
    ...viewOf(wire),
    peerRead: numberOf(wire.peerRead),
    floor: numberOf(wire.floor),
    at: numberOf(wire.atMs),
  };
}

function viewOf(wire) {
  return { unread: numberOf(wire.unread), capped: wire.capped === true, read: numberOf(wire.read), latest: numberOf(wire.latest) };
}

function keyOf(wire) {
  if (typeof wire.group === "string" && wire.group !== "") return groupKey(wire.group);
  return typeof wire.with === "string" && wire.with !== "" ? directKey(wire.with) : null;
}

function placeOf({ kind, peer, group }) {
  return kind === "group" ? { group } : { with: peer };
}

function numberOf(value = 0) {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
