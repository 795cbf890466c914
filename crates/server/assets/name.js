// Names of people and groups: what they may be and how they are shown.

const NAME_LENGTH_MAX = 64;
const ID_BYTES_MAX = 512;
const CONTROL = /\p{Cc}/u;
const encoder = new TextEncoder();

/** A name as typed, in one spelling; or throws what is wrong with it, as a sentence. */
export function checkedName(typed) {
  const name = typed.normalize("NFC").trim().replace(/\s+/gu, " ");
  if (name === "") throw new Error("Type a name.");
  if ([...name].length > NAME_LENGTH_MAX) throw new Error(`A name has at most ${NAME_LENGTH_MAX} characters.`);
  if (!isName(name)) throw new Error("This name has characters that cannot be used.");
  return name;
}

/** Whether something from elsewhere can be a name at all. */
export function isName(value) {
  // A browser takes "." and ".." for steps in a path, however they are written.
  return (
    typeof value === "string" &&
    value !== "" &&
    value !== "." &&
    value !== ".." &&
    value.isWellFormed() &&
    !CONTROL.test(value) &&
    encoder.encode(value).length <= ID_BYTES_MAX
  );
}

/** One or two letters that stand for a name. */
export function initials(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [name];
  const segments = new Intl.Segmenter();
  return letters
    .map((word) => segments.segment(word)[Symbol.iterator]().next().value?.segment ?? "")
    .join("")
    .toLocaleUpperCase();
}

/** One of twelve colours, always the same for a name. */
export function tint(name) {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 65_521;
  return hash % 12;
}
