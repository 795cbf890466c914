// What can be a token, and when one ends. Whether it is good is for the server alone to say.

const LENGTH_MAX = 16_384;
// What fits into a header as one word.
const ONE_WORD = /^[\x21-\x7e]+$/u;

/** A token as it was pasted, without what may stand around it; or throws what is wrong with it, as a sentence. */
export function pastedToken(typed) {
  const token = typed.trim().replace(/^bearer\s+/iu, "");
  if (token === "") throw new Error("Paste a token.");
  if (token.length > LENGTH_MAX || !ONE_WORD.test(token)) throw new Error("This is not a token. Paste one, and nothing else.");
  return token;
}

/** When a token says that it ends, in milliseconds of the server's clock, or `null`. */
export function endOf(token) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const { exp } = JSON.parse(atob(claims));
    return Number.isFinite(exp) ? exp * 1_000 : null;
  } catch {
    return null;
  }
}
