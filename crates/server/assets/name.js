// Names of people and groups: what they may be and how they are shown.

const NAME_LENGTH_MAX = 64;
const ID_BYTES_MAX = 512;
const CONTROL = /\p{Cc}/u;
// What is not seen, and turns the order of what is: with it a name could look like another one. Joiners are left where
// they belong, in emoji and in scripts that need them, and so are the marks of regional flags.
const UNSEEN =
  /(?<kept>\u{1f3f4}[\u{e0020}-\u{e007f}]+|(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}])[\u200c\u200d](?=[\p{L}\p{Extended_Pictographic}]))|[\p{Cf}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/gu;
const encoder = new TextEncoder();

/** A name as typed, in one spelling; or throws what is wrong with it, as a sentence. */
export function checkedName(typed) {
  const name = seen(typed.normalize("NFC"), "").trim().replace(/\s+/gu, " ");
  if (name === "") throw new Error("Type a name.");
  if ([...name].length > NAME_LENGTH_MAX) throw new Error(`A name has at most ${NAME_LENGTH_MAX} characters.`);
  if (!isName(name)) throw new Error("This name has characters that cannot be used.");
  return name;
}

/** A name from elsewhere as it is shown: what cannot be seen has a sign. */
export function shownName(name) {
  return seen(name, "\ufffd");
}

function seen(name, sign) {
  return name.replace(UNSEEN, (...found) => (found.at(-1).kept === undefined ? sign : found[0]));
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
  const words = shownName(name).split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [shownName(name)];
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
