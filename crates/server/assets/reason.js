// Why the server does not do something, in words for those who use it. What it says of itself is meant for its operator, who
// finds all of it in the log: paths of files and addresses of other machines are no business of a page's.

const LENGTH_MAX = 300;
// A path or the address of a machine: anything around a slash or backslash, and a host with its port.
const INTERNAL = /\S[/\\]|[/\\]\S|[\w\]]:\d{2,5}\b|\b\d{1,3}(?:\.\d{1,3}){3}\b/u;
// What the operating system said, at the end of a longer sentence.
const SYSTEM = /:\s*(?<said>[^:/\\]{1,100}?) \(os error \d+\)$/u;
const KNOWN = [
  [/no space left|\bquota\b|disk full|database or disk is full|storage is full/iu, "its disk is full"],
  [/MiB left|must stay free|low.water/iu, "its disk is almost full"],
  [/file too large|may not grow/iu, "its files may not grow any more"],
  [/too many open files/iu, "it has too many files open"],
];

/** A reason of the server as a part of a sentence; `otherwise` stands for one that is for its operator alone. */
export function plainReason(reason, otherwise) {
  const text = String(reason ?? "").replace(/[.\s]+$/u, "").slice(0, LENGTH_MAX);
  if (text === "") return otherwise;
  for (const [sign, words] of KNOWN) if (sign.test(text)) return words;
  if (!INTERNAL.test(text)) return text;
  const said = SYSTEM.exec(text)?.groups.said;
  return said !== undefined && !INTERNAL.test(said) ? `${otherwise}: ${said}` : otherwise;
}
