// The text of a message: words, and addresses of the web as links. Nothing else in it has a meaning.

import { el } from "./dom.js";

const ADDRESS = /https?:\/\/[^\s<>"]+/giu;
// What ends a sentence rather than an address.
const TRAILING = /[.,;:!?'\u201d\u2019\]]+$/u;

/** The nodes of a text. */
export function written(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    if (!URL.canParse(address)) continue;
    nodes.push(text.slice(at, match.index), link(address));
    at = match.index + address.length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

/** An address in brackets does not end with the closing one, unless it has an opening one itself. */
function trimmed(address) {
  const plain = address.replace(TRAILING, "");
  return plain.endsWith(")") && !plain.includes("(") ? trimmed(plain.slice(0, -1)) : plain;
}

function link(address) {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer", dir: "ltr" }, address);
}
