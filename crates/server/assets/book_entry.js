// What the browser knows of one conversation, and how that is kept: checked when it is read, as a storage may hold
// anything, merged with what another tab knows, and bounded.

const MEMBERS_LENGTH_MAX = 8_000;
const UNKNOWN_KEPT = 100;
const UNKNOWN_LENGTH_MAX = 4_000;
const UNKNOWN_LENGTHS_MAX = 40_000;

export const textOr = (value, other) => (typeof value === "string" ? value : other);
export const numberOr = (value, other) => (Number.isFinite(value) ? value : other);
const countOf = (value) => (Number.isSafeInteger(value) && value > 0 ? value : 0);

/** A conversation of which nothing is known but where it is. */
export function fresh(conversation, opened) {
  const unseen = { last: 0, read: 0, unread: 0, capped: false, preview: "", from: null, at: null, opened };
  // Places in its history, and when it got its last entry.
  const places = { top: 0, readPlace: 0, peerRead: 0, floor: 0, moved: 0, lastPlace: 0, listed: false };
  return { ...conversation, ...unseen, ...places };
}

/** Newest first; what has no time is told apart by its place in the inbox. */
export function byRecency(left, right) {
  return right.moved - left.moved || place(right) - place(left);
}

const place = (entry) => Math.max(entry.last, entry.opened ?? 0);

/** A conversation as it was kept, or `null`: the storage may hold anything. */
export function checked(entry) {
  const whole =
    ["key", "kind", "title"].every((field) => typeof entry?.[field] === "string") &&
    (entry.kind === "direct" ? typeof entry.peer === "string" : entry.kind === "unknown" || typeof entry.group === "string");
  if (!whole) return null;
  return {
    ...entry,
    last: numberOr(entry.last, 0),
    read: numberOr(entry.read, 0),
    opened: numberOr(entry.opened, 0),
    at: numberOr(entry.at, null),
    storedAt: numberOr(entry.storedAt, undefined),
    readAt: numberOr(entry.readAt, undefined),
    from: textOr(entry.from, null),
    preview: textOr(entry.preview, ""),
    // Pages before this one kept the places of those that are unread.
    unread: Array.isArray(entry.unread) ? entry.unread.length : countOf(entry.unread),
    capped: entry.capped === true,
    top: countOf(entry.top),
    readPlace: countOf(entry.readPlace),
    peerRead: countOf(entry.peerRead),
    floor: countOf(entry.floor),
    moved: countOf(entry.moved ?? entry.storedAt),
    lastPlace: countOf(entry.lastPlace),
    listed: entry.listed === true,
    members: Array.isArray(entry.members) ? entry.members.filter((name) => typeof name === "string") : [],
    kept: Array.isArray(entry.kept) ? newest(entry.kept.map(keptBefore).filter((kept) => kept !== null)) : undefined,
  };
}

/** What two tabs know of one conversation: positions only grow, and who has read further knows what is unread. */
export function merged(ours, theirs) {
  const newer = theirs.last > ours.last ? theirs : ours;
  const read = Math.max(ours.read, theirs.read);
  const top = Math.max(ours.top, theirs.top);
  return {
    ...newer,
    ...(top > 0 ? unreadOfBoth(ours, theirs, top) : unreadWithoutPlaces(newer, read)),
    read,
    top,
    readPlace: Math.max(ours.readPlace, theirs.readPlace),
    peerRead: Math.max(ours.peerRead, theirs.peerRead),
    floor: Math.max(ours.floor, theirs.floor),
    moved: Math.max(ours.moved, theirs.moved),
    listed: ours.listed || theirs.listed,
    storedAt: largest(ours.storedAt, theirs.storedAt),
    readAt: largest(ours.readAt, theirs.readAt),
    members: newer.members.length > 0 ? newer.members : ours.members,
    wrote: ours.wrote === true || theirs.wrote === true,
  };
}

/** Whether who has read further has also counted as far as the other. */
export function isCounted(ours, theirs) {
  const [further, other] = byReading(ours, theirs);
  return further.top >= other.top;
}

function byReading(ours, theirs) {
  // Of two who have read and heard the same, the lower counts: the server has told it of a message that is gone.
  const further = theirs.readPlace - ours.readPlace || theirs.top - ours.top || ours.unread - theirs.unread;
  return further > 0 ? [theirs, ours] : [ours, theirs];
}

/**
 * What is unread behind the further reader's place. Of what only the other one has heard it is not more than that one
 * counts, nor than there are places. The inbox does not say it: the list tells of messages before they come there.
 */
function unreadOfBoth(ours, theirs, top) {
  const [further, other] = byReading(ours, theirs);
  if (further.readPlace >= top) return { unread: 0, capped: false };
  const most = further.unread + top - further.top;
  if (further.top < top && other.unread < most) return { unread: other.unread, capped: other.capped };
  return { unread: most, capped: further.capped };
}

/** A conversation without a history, as with an older server, is read as far as the inbox was. */
function unreadWithoutPlaces(newer, read) {
  const all = newer.last > 0 && read >= newer.last;
  return all ? { unread: 0, capped: false } : { unread: newer.unread, capped: newer.capped };
}

/** When the server stored the newest message that was read, or `null` if none was. */
export function readUntil({ read, last, readAt, at, unread }) {
  if (readAt !== undefined) return readAt;
  // Pages before this one did not note it; what a message says of its time is believed up to now.
  const all = read > 0 && read >= last && unread === 0;
  return all && at !== null ? Math.min(at, Date.now()) : null;
}

function largest(left, right) {
  return left === undefined || right === undefined ? (left ?? right) : Math.max(left, right);
}

/** Pairs of a text and a number out of what was kept. */
export function pairsOf(kept) {
  const isPair = (pair) => Array.isArray(pair) && typeof pair[0] === "string" && Number.isFinite(pair[1]);
  return Array.isArray(kept) ? kept.filter(isPair).toReversed() : [];
}

/** Without what has no bound; who is in a large group is learnt again from its messages. */
export function slim(entry) {
  const names = entry.members.reduce((length, name) => length + name.length, 0);
  return names > MEMBERS_LENGTH_MAX ? { ...entry, members: [] } : entry;
}

/** The first of them that have no more than so many letters together. */
export function within(entries, most) {
  let left = most;
  return entries.filter((entry) => {
    const length = JSON.stringify(entry).length;
    if (length > left) return false;
    left -= length;
    return true;
  });
}

/** What is kept of a message that belongs nowhere: an entry of which the server knows no more than this. */
export function keptOf({ raw, from, verified, at }) {
  return { message: raw.slice(0, UNKNOWN_LENGTH_MAX), from: verified ? from : null, to: null, group: null, at, id: null };
}

export function newest(kept) {
  let letters = 0;
  const short = (entry) => (letters += entry.message.length) <= UNKNOWN_LENGTHS_MAX;
  return kept.slice(-UNKNOWN_KEPT).toReversed().filter(short).toReversed();
}

/** Pages before this one kept the text alone. */
function keptBefore(kept) {
  if (typeof kept === "string") return keptOf({ raw: kept, from: null, verified: false, at: null });
  if (typeof kept?.message !== "string") return null;
  const from = textOr(kept.from, null);
  return keptOf({ raw: kept.message, from, verified: from !== null, at: numberOr(kept.at, null) });
}
