// The round sign of a person or a group.

import { el, icon } from "./dom.js";
import { initials, tint } from "./name.js";

/** Decoration only: the name always stands beside it. */
export function avatar(entry) {
  const sign = entry.kind === "group" ? icon("group") : entry.kind === "unknown" ? icon("warning") : initials(entry.title);
  return el("span", { class: `avatar tint-${tint(entry.title)}`, "aria-hidden": "true" }, sign);
}
