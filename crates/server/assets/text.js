// The text of a message: words, and addresses of the web as links. Nothing else in it has a meaning.
//
// Strangers write it, so the work grows with its length and with nothing else: no recursion, and no expression that
// looks at the same letters again and again.

import { el } from "./dom.js";

const ADDRESS = /https?:\/\/[^\s<>"\p{Cf}]+/giu;
// What ends a sentence rather than an address.
const TRAILING = new Set(".,;:!?'\u201d\u2019]");
// Addresses beyond these stay text: a link costs much more than its letters.
const LINKS_MAX = 100;
const ADDRESS_LENGTH_MAX = 2_000;

/** The nodes of a text. */
export function written(text) {
  const nodes = [];
  let at = 0;
  let links = 0;
  for (const match of text.matchAll(ADDRESS)) {
    if (links === LINKS_MAX) break;
    if (match[0].length > ADDRESS_LENGTH_MAX) continue;
    const address = trimmed(match[0]);
    if (!URL.canParse(address)) continue;
    nodes.push(text.slice(at, match.index), link(address));
    at = match.index + address.length;
    links += 1;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

/** Without what ends the sentence. A closing bracket belongs to an address that has an opening one for it. */
function trimmed(address) {
  let closing = 0;
  for (const letter of address) closing += letter === ")" ? 1 : letter === "(" ? -1 : 0;
  let end = address.length;
  for (;;) {
    if (end > 0 && TRAILING.has(address[end - 1])) end -= 1;
    else if (closing > 0 && address[end - 1] === ")") [end, closing] = [end - 1, closing - 1];
    else return address.slice(0, end);
  }
}

function link(address) {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer", dir: "ltr" }, address);
}
