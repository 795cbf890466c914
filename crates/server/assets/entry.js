// One entry of an inbox or a history, as the server gives it: its place, the sender's JSON, and what the server itself
// knows. The server's word counts; what a sender wrote about themselves is a claim.

const TIME_MAX = 8_640_000_000_000_000;

/** Reads an entry from an answer or a push. What the server does not say is `null`; old entries have a sequence and a message. */
export function readEntry(wire) {
  const at = Number(wire.atMs ?? 0);
  return {
    sequence: Number(wire.sequence),
    message: String(wire.message ?? ""),
    from: textOf(wire.from),
    to: textOf(wire.to),
    group: textOf(wire.group),
    at: at > 0 && at < TIME_MAX ? at : null,
    id: textOf(wire.messageId),
    kind: kindOf(wire.kind),
    tag: tagOf(wire.tag),
  };
}

/** A random mark that the entry keeps: an entry with another one has come into its place. Clients do not look inside. */
function tagOf(value) {
  const tag = String(value ?? "0");
  return /^[0-9]{1,20}$/u.test(tag) && tag !== "0" ? tag : null;
}

function textOf(value) {
  return typeof value === "string" && value !== "" ? value : null;
}

const KINDS = ["message", "edit", "recall", "tombstone"];

/** "message", "edit", "recall", "tombstone"; a kind that this page does not know is "other". */
function kindOf(value = 0) {
  if (typeof value === "number") return KINDS[value] ?? "other";
  return KINDS.find((kind) => String(value).toLowerCase().endsWith(kind)) ?? "other";
}
