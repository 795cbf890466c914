// What is inside a stored message, and which conversation it belongs to. Nothing here trusts its sender.

import { isName } from "./name.js";

const TEXT_LENGTH_MAX = 20_000;
const MEMBERS_MAX = 1_000;
const TIME_MAX = 8_640_000_000_000_000;

export const UNKNOWN = "unknown";

export function directKey(peer) {
  return `direct:${peer}`;
}

export function groupKey(group) {
  return `group:${group}`;
}

/** Reads the JSON of a message as `me` sees it. Any shape gives something that can be shown. */
export function readMessage(raw, me) {
  const fields = objectFrom(raw);
  const from = isName(fields?.from) ? fields.from : null;
  return {
    raw,
    from,
    id: typeof fields?.id === "string" && fields.id !== "" ? fields.id : null,
    at: Number.isFinite(fields?.at) && Math.abs(fields.at) < TIME_MAX ? fields.at : null,
    text: shortened(typeof fields?.text === "string" ? fields.text : String(raw)),
    conversation: conversationOf(fields, from, me),
  };
}

function objectFrom(raw) {
  try {
    const value = JSON.parse(raw);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function conversationOf(fields, from, me) {
  const unknown = { key: UNKNOWN, kind: "unknown", title: "Other messages" };
  if (fields === null || from === null) return unknown;
  if (isName(fields.group)) {
    const listed = Array.isArray(fields.members) ? fields.members.filter(isName).slice(0, MEMBERS_MAX) : [];
    const members = listed.includes(me) ? [...new Set(listed)] : [];
    const title = isName(fields.name) ? fields.name : fields.group;
    return { key: groupKey(fields.group), kind: "group", group: fields.group, title, members };
  }
  const peer = from === me ? fields.to : from;
  const mine = fields.to === undefined || fields.to === me || from === me;
  if (!isName(peer) || !mine) return unknown;
  return { key: directKey(peer), kind: "direct", peer, title: peer, members: [] };
}

function shortened(text) {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}… (shortened)` : text;
}

/** The JSON of a new message in a conversation. */
export function writeMessage(conversation, { id, from, text, at }) {
  const place =
    conversation.kind === "group"
      ? { group: conversation.group, name: conversation.title, members: conversation.members }
      : { to: conversation.peer };
  return JSON.stringify({ id, from, ...place, text, at });
}
