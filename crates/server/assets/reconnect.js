// Whether the page comes back by itself after the server ended its connection. The range of a close code decides it, so that
// a page knows what to do about a code that is newer than itself: see docs/close-codes.md, with which tidy compares this.

// From the first code to the last; of several rows the first counts. With 1000 a server answers a close of the page's own.
const RANGES = [
  [1002, 1002, "never"],
  [1007, 1007, "never"],
  [1009, 1009, "never"],
  [0, 3999, "backoff"],
  [4000, 4001, "backoff"],
  [4100, 4199, "backoff"],
  [4200, 4299, "at-once"],
  [4000, 4999, "never"],
];

/** Tells what to do about a close code: "never", "at-once" or "backoff". */
export function reconnectOf(code) {
  const row = RANGES.find(([first, last]) => first <= code && code <= last);
  return row?.[2] ?? "never";
}
