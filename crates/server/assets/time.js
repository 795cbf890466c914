// Times as people read them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

const startOf = (time) => new Date(time).setHours(0, 0, 0, 0);

export const clockTime = (at) => clock.format(at);
export const fullTime = (at) => full.format(at);
export const sameDay = (left, right) => left !== null && right !== null && startOf(left) === startOf(right);

/** The time today, the date before. */
export function shortTime(at, now = Date.now()) {
  return sameDay(at, now) ? clock.format(at) : date.format(at);
}

/** "Today", "Yesterday" or the day. */
export function dayName(at, now = Date.now()) {
  const days = Math.round((startOf(now) - startOf(at)) / 86_400_000);
  if (days === 0) return "Today";
  return days === 1 ? "Yesterday" : day.format(at);
}

/** A moment in the past, as part of a sentence: "today at 14:03", "yesterday at 14:03" or "on 3 Nov". */
export function momentName(at, now = Date.now()) {
  const days = Math.round((startOf(now) - startOf(at)) / 86_400_000);
  if (days > 1) return `on ${date.format(at)}`;
  return `${days === 1 ? "yesterday" : "today"} at ${clock.format(at)}`;
}
