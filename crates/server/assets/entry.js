// One entry of an inbox or a history, as the server gives it: its place, the sender's JSON, and what the server itself
// knows. The server's word counts; what a sender wrote about themselves is a claim.

const TIME_MAX = 8_640_000_000_000_000;

/** Reads an entry from an answer or a push. What the server does not say is `null`; old entries have a sequence and a message. */
export function readEntry(wire) {
  return {
    sequence: Number(wire.sequence),
    message: String(wire.message ?? ""),
    from: textOf(wire.from),
    to: textOf(wire.to),
    group: textOf(wire.group),
    at: timeOf(wire.atMs),
    id: textOf(wire.messageId),
    kind: kindOf(wire.kind),
    status: statusOf(wire.status),
    changedAt: timeOf(wire.changedAtMs),
    place: placeOf(wire.place),
    target: placeOf(wire.target),
    edited: typeof wire.edited === "string" ? wire.edited : null,
    tag: tagOf(wire.tag),
  };
}

/** A random mark that the entry keeps: an entry with another one has come into its place. Clients do not look inside. */
function tagOf(value) {
  const tag = String(value ?? "0");
  return /^[0-9]{1,20}$/u.test(tag) && tag !== "0" ? tag : null;
}

function timeOf(value = 0) {
  const at = Number(value);
  return at > 0 && at < TIME_MAX ? at : null;
}

/** A place in the history of the conversation; 0 where the server does not say it. */
function placeOf(value = 0) {
  const place = Number(value);
  return Number.isSafeInteger(place) && place > 0 ? place : 0;
}

function textOf(value) {
  return typeof value === "string" && value !== "" ? value : null;
}

const KINDS = ["message", "edit", "recall", "tombstone", "deletion", "purge"];
const STATUSES = ["original", "edited", "recalled", "deleted", "expired", "lost", "unused"];

/** One of the kinds; one that this page does not know is "other". */
function kindOf(value = 0) {
  return named(KINDS, value) ?? "other";
}

/** What became of the message since; what this page does not know changes nothing. */
function statusOf(value = 0) {
  return named(STATUSES, value) ?? "original";
}

function named(names, value) {
  if (typeof value === "number") return names[value];
  return names.find((name) => String(value).toLowerCase().endsWith(name));
}
