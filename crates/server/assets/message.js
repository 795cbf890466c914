// What a stored message says, and which conversation it belongs to. Who sent it, to whom and when is what the server
// says; only where the server does not know, the sender's JSON is believed, and the message is marked as unverified.
// Nothing here trusts its sender.

import { isName } from "./name.js";

const TEXT_LENGTH_MAX = 20_000;
const MEMBERS_MAX = 1_000;
const MEMBERS_LENGTH_MAX = 64_000;
const TIME_MAX = 8_640_000_000_000_000;

// Why a message has no text any more.
const GONE = new Set(["recalled", "deleted", "expired", "lost"]);

export const UNKNOWN = "unknown";

export function directKey(peer) {
  return `direct:${peer}`;
}

export function groupKey(group) {
  return `group:${group}`;
}

/** Reads an entry as `me` sees it. Any shape gives something that can be shown. */
export function readMessage(entry, me) {
  try {
    return understood(entry, me);
  } catch (error) {
    console.warn("a message is shown as it came", error);
    const [raw, from] = [entry.message, entry.from];
    const conversation = conversationOf(entry, null, from, me);
    return { ...factsOf(entry), raw, from, verified: from !== null, id: entry.id, sure: true, at: entry.at, storedAt: entry.at, text: shortened(raw), conversation };
  }
}

/** Reads what lies in our own outbox. */
export function ownMessage({ raw, id, key, peer }, me) {
  const group = key.startsWith(groupKey("")) ? key.slice(groupKey("").length) : null;
  return readMessage({ message: raw, from: me, to: peer ?? null, group, at: null, id }, me);
}

function understood(entry, me) {
  const fields = objectFrom(entry.message);
  const facts = factsOf(entry);
  const text = shortened(typeof fields?.text === "string" ? fields.text : entry.message);
  const verified = entry.from !== null;
  const from = entry.from ?? (isName(fields?.from) ? fields.from : null);
  const claimedId = typeof fields?.id === "string" && fields.id !== "" ? fields.id : null;
  return {
    ...facts,
    raw: entry.message,
    from,
    verified,
    id: entry.id ?? claimedId,
    /** Whether the server holds the id unique; a claimed one may come twice. */
    sure: entry.id !== null,
    /** When the server stored it, if it says so. */
    storedAt: entry.at,
    at: entry.at ?? (Number.isFinite(fields?.at) && Math.abs(fields.at) < TIME_MAX ? fields.at : null),
    text: facts.gone === null ? text : "",
    conversation: conversationOf(entry, fields, from, me),
  };
}

/** What the server says of a message beside its text: its place in the history, and what became of it since. */
function factsOf({ kind, status, changedAt, place }) {
  const gone = kind === "tombstone" ? (GONE.has(status) ? status : "lost") : null;
  return { place: place ?? 0, gone, editedAt: status === "edited" ? (changedAt ?? null) : null, edited: status === "edited" };
}

/** The key of the conversation that an entry belongs to which tells a change, or `null` if it does not say it. */
export function changedKey({ from, to, group }, me) {
  if (isName(group)) return groupKey(group);
  // A change by the program itself does not say who wrote to us.
  if (from === null && to === me) return null;
  const peer = from === null || from === me ? to : from;
  return isName(peer) ? directKey(peer) : null;
}

function objectFrom(raw) {
  try {
    const value = JSON.parse(raw);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function conversationOf(entry, fields, from, me) {
  const known = entry.from !== null || entry.group !== null;
  const group = known ? entry.group : fields?.group;
  if (isName(group) && (known || from !== null)) return groupOf(group, fields, me);
  const to = known ? entry.to : fields?.to;
  const peer = from === me ? to : from;
  const mine = from === me || to === me || (to ?? null) === null;
  return isName(peer) && mine ? { key: directKey(peer), kind: "direct", peer, title: peer, members: [] } : nowhere();
}

/** A group is what its messages say of it: its title, and who is in it. */
function groupOf(group, fields, me) {
  const listed = Array.isArray(fields?.members) ? fields.members.slice(0, MEMBERS_MAX).filter(isName) : [];
  const short = listed.reduce((length, name) => length + name.length, 0) <= MEMBERS_LENGTH_MAX;
  const members = short && listed.includes(me) ? [...new Set(listed)] : [];
  return { key: groupKey(group), kind: "group", group, title: isName(fields?.name) ? fields.name : group, members };
}

function nowhere() {
  return { key: UNKNOWN, kind: "unknown", title: "Other messages", members: [] };
}

function shortened(text) {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX).toWellFormed()}… (shortened)` : text;
}

/** What is said in the place of a message that is gone. */
export function goneText(why, mine = false) {
  if (why === "recalled") return mine ? "You deleted this message" : "This message was deleted by its sender";
  if (why === "deleted") return "This message was deleted";
  return why === "expired" ? "This message is too old and was removed" : "This message was lost";
}

/** The JSON of a message of ours with another text: all else that it says stays. */
export function rewritten(raw, text) {
  const fields = objectFrom(raw);
  return JSON.stringify({ ...(Array.isArray(fields) ? {} : fields), text });
}

/** The JSON of a new message in a conversation. */
export function writeMessage(conversation, { id, from, text, at }) {
  const place =
    conversation.kind === "group"
      ? { group: conversation.group, name: conversation.title, members: conversation.members }
      : { to: conversation.peer };
  return JSON.stringify({ id, from, ...place, text, at });
}
