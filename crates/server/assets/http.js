// The calls over HTTP: timelines, who is online, how the server is, and who it takes us for.

import { credentials } from "./credentials.js";
import { readEntry } from "./entry.js";

const REQUEST_MS = 15_000;

// What passes: the server, or something before it, takes nothing now, or takes it with another login.
const PASSING = new Set([401, 408, 425, 429, 502, 503, 504, 507]);
const RETRY_AFTER_MS_MAX = 30_000;
const JSON_TYPE = Object.freeze({ "Content-Type": "application/json" });

/** What the server said no to; `permanent` when asking again cannot help. */
export class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.permanent = !PASSING.has(status);
    /** Milliseconds that the server asks us to wait. */
    this.retryAfter = retryAfter;
  }
}

/** Asks as whom this tab is logged in. */
export async function request(path, options = {}) {
  const { token, over } = credentials;
  if (over) throw new Refused(401, "your login has ended", 0);
  try {
    return (await exchange(path, options, token)).answer;
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) throw error;
    // A login that was renewed meanwhile asks once more.
    if (credentials.token !== null && credentials.token !== token) return request(path, options);
    credentials.noteRefusal(token);
    throw error;
  }
}

async function exchange(path, options, token) {
  const headers = token === null ? options.headers : { ...options.headers, Authorization: `Bearer ${token}` };
  const response = await fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(REQUEST_MS) });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, reasonOf(response, answer), retryAfter(response));
  if (answer === null || typeof answer !== "object") throw new Error("the server's answer cannot be read");
  return { response, answer };
}

function reasonOf(response, answer) {
  const message = answer?.message;
  return typeof message === "string" && message !== "" ? message.slice(0, 300) : `it answered with status ${response.status}`;
}

function retryAfter(response) {
  const seconds = Number(response.headers.get("retry-after") ?? 0);
  return seconds > 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MS_MAX) : 0;
}

/**
 * How people log in here, and whom this token makes us, or without one what the browser sends by itself: { logins, user,
 * loginUrl, now }, with the server's time in milliseconds, or `null`.
 */
export async function whoIs(token) {
  return loginOf(await exchange("/login", {}, token));
}

/** The same of somebody who says nothing of themselves, which cannot be refused. */
export async function howToLogIn() {
  return loginOf(await exchange("/login", { credentials: "omit" }, null));
}

function loginOf({ response, answer: { logins, user, loginUrl } }) {
  const now = Date.parse(response.headers.get("date") ?? "");
  return { logins, user: user ?? null, loginUrl: loginUrl ?? null, now: Number.isNaN(now) ? null : now };
}

/** A ticket for one connection, and whose it is: { ticket, user }. */
export function ticket() {
  return request("/ticket", { method: "POST" });
}

/** The token that a ticket is worth, or `null` if a cookie or a proxy made it. A ticket is worth it once. */
export async function redeem(ticket) {
  const options = { method: "POST", headers: JSON_TYPE, body: JSON.stringify({ ticket }), credentials: "omit" };
  return (await exchange("/login", options, null)).answer.token ?? null;
}

/** How the parts of the server are, as it says: { name, state, reason } each, with the state "well", "read-only", "down" or "impaired". */
export async function parts() {
  const response = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(REQUEST_MS) });
  const answer = await response.json().catch(() => null);
  return Array.isArray(answer?.parts) ? answer.parts : [];
}

/** Who of these people is online. */
export async function statuses(names) {
  const query = new URLSearchParams(names.map((name) => ["id", name]));
  return (await request(`/presence?${query}`)).statuses;
}

/** When somebody was last online, in milliseconds, or `null`. */
export async function lastSeen(name) {
  const { lastSeen: at } = await request(`/presence/${encodeURIComponent(name)}`);
  return Number.isFinite(at) ? at : null;
}

/**
 * Entries of the inbox after `last`, oldest first, and the newest sequence there is. `tag` is that of the entry at
 * `last`; with `reset` or another `generation` our position is of another past, up to `floor` nothing is left.
 */
export async function sync(member, { last, tag, count }) {
  const query = new URLSearchParams({ member, last_read: String(last), count: String(count) });
  if (tag !== null) query.set("last_tag", tag);
  const answer = await request(`/timeline/sync?${query}`);
  return {
    latest: Number(answer.latestSeq ?? 0),
    entries: entriesOf(answer),
    reset: answer.reset === true,
    generation: generationOf(answer),
    floor: Number(answer.floor ?? 0),
  };
}

function generationOf({ generation }) {
  return generation === undefined || String(generation) === "0" ? null : String(generation);
}

function entriesOf({ entrySet }) {
  return Array.isArray(entrySet) ? entrySet.map(readEntry) : [];
}

/**
 * Up to `count` entries of a conversation's history, oldest first: after `last`, or the newest before `before` (0: of
 * all), whether there are more that way, and up to where everything is gone.
 */
export async function history(conversation, me, { last, before, count }) {
  const place =
    conversation.kind === "group"
      ? `group/${encodeURIComponent(conversation.group)}`
      : `single/${encodeURIComponent(me)}/${encodeURIComponent(conversation.peer)}`;
  const query = new URLSearchParams({ count: String(count) });
  query.set("last_read", String(last ?? before));
  if (last === undefined) query.set("backward", "true");
  const answer = await request(`/timeline/history/${place}?${query}`);
  const entries = entriesOf(answer);
  return { entries, more: answer.more ?? entries.length >= count, floor: Number(answer.floor ?? 0) };
}

/** Sends a JSON body. */
export function post(path, fields) {
  return request(path, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(fields) });
}

/** Stores a message; sent again with the same id it has one effect and the same answer. */
export function send({ path, fields, raw, id, body }) {
  return request(path, {
    method: "POST",
    headers: JSON_TYPE,
    // A page before this one kept the body itself.
    body: body ?? JSON.stringify({ ...fields, message: raw, message_id: id }),
  });
}
