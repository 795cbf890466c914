// The calls over HTTP: timelines, and who is online.

const REQUEST_MS = 15_000;

/** What the server said no to; `permanent` when asking again cannot help. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
    this.permanent = status >= 400 && status < 500 && ![408, 409, 425, 429].includes(status);
  }
}

async function request(path, options = {}) {
  const response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(REQUEST_MS) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.message || `status ${response.status}`);
  return answer;
}

/** Who of these people is online. */
export async function statuses(names) {
  const query = new URLSearchParams(names.map((name) => ["id", name]));
  return (await request(`/presence?${query}`)).statuses;
}

const entries = (set) => (set ?? []).map(({ sequence, message }) => ({ sequence: Number(sequence), message }));

/** Entries of the inbox after `last`, oldest first, and the newest sequence there is. */
export async function sync(member, last, count) {
  const query = new URLSearchParams({ member, last_read: String(last), count: String(count) });
  const answer = await request(`/timeline/sync?${query}`);
  return { latest: Number(answer.latestSeq), entries: entries(answer.entrySet) };
}

/** Up to `count` entries of a conversation's history, oldest first: after `last`, or the newest before `before` (0: of all). */
export async function history(conversation, me, { last, before, count }) {
  const place =
    conversation.kind === "group"
      ? `group/${encodeURIComponent(conversation.group)}`
      : `single/${encodeURIComponent(me)}/${encodeURIComponent(conversation.peer)}`;
  const query = new URLSearchParams({ count: String(count) });
  query.set("last_read", String(last ?? before));
  if (last === undefined) query.set("backward", "true");
  return entries((await request(`/timeline/history/${place}?${query}`)).entrySet);
}

/** Stores a message; sent again with the same id it has one effect and the same answer. */
export function send(entry) {
  return request(entry.path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: entry.body,
  });
}
