// What the program that embeds this page hands over in its address: a token, or a ticket that is worth one.

const NAMES = ["token", "ticket"];

const query = () => new URLSearchParams(location.search);
const fragment = () => new URLSearchParams(location.hash.slice(1));

/** Whether there is something in the address. */
export function isHandedOver() {
  return NAMES.some((name) => query().has(name) || fragment().has(name));
}

/**
 * Takes it out of the address: { token, ticket }, `null` what is not there. A token counts in the fragment alone, which no
 * request has. `state` is what the browser's history keeps for the address without it.
 */
export function takeHandover(state = history.state) {
  if (!isHandedOver()) return { token: null, ticket: null };
  const [asked, behind] = [query(), fragment()];
  const token = behind.get("token") || null;
  const ticket = behind.get("ticket") || asked.get("ticket") || null;
  for (const name of NAMES) for (const part of [asked, behind]) part.delete(name);
  const rest = (asked.size > 0 ? `?${asked}` : "") + (behind.size > 0 ? `#${behind}` : "");
  history.replaceState(state, "", location.pathname + rest);
  return { token, ticket: token === null ? ticket : null };
}
