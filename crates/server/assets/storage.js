// What a browser keeps for a user between visits. A browser that keeps nothing still chats, and says so.
//
// | key | what | may be dropped |
// |---|---|---|
// | `tidings:name` | the name that was used last | yes |
// | `tidings:1:<user>:book` | the conversations, and how far the inbox was read | yes: the server has it all |
// | `tidings:1:<user>:receipts` | which messages have reached their receivers | yes |
// | `tidings:1:<user>:outbox` | what is not sent yet | never: it is nowhere else |
// | `tidings:1:<user>:drafts` | what is begun and not sent | never; it goes with a logout |
//
// For its own time a tab keeps its name in `tidings:name`, or its token in `tidings:token`. A token is kept nowhere else.

const PREFIX = "tidings:1:";
const NEVER_DROPPED = [":outbox", ":drafts"];

/** A JSON value in the local storage, shared by the user's tabs. */
export class Stored {
  #forgotten = false;

  constructor(user, name) {
    this.key = `${PREFIX}${user}:${name}`;
  }

  read() {
    try {
      return parsed(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  /** Keeps a value. Returns nothing, or why the browser does not keep it: what was there before stays then. */
  write(value) {
    return this.#forgotten ? null : keep(this.key, JSON.stringify(value));
  }

  /** Takes the value away. */
  clear() {
    attempt(() => localStorage.removeItem(this.key));
  }

  /** Takes the value away for good; whatever is still under way for the user keeps none any more. */
  forget() {
    this.#forgotten = true;
    this.clear();
  }

  /** Keeps a value that is nowhere else: what the server has as well gives it its place. */
  writeFirst(value) {
    const text = JSON.stringify(value);
    let reason = keep(this.key, text);
    for (const key of reason === FULL ? droppable(this.key) : []) {
      localStorage.removeItem(key);
      reason = keep(this.key, text);
      if (reason === null) break;
    }
    return reason;
  }

  /** Calls back with what another tab wrote, until `life` ends; by then this tab may have written over it. */
  watch(listener, life) {
    addEventListener("storage", (event) => event.key === this.key && listener(parsed(event.newValue)), { signal: life });
  }
}

/** The value of a JSON text, or nothing. */
function parsed(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

const FULL = "its storage for this page is full";
const FORBIDDEN = "it is set to keep nothing for this page";

/** Why the browser keeps nothing at all, or nothing. */
export function storageProblem() {
  const key = `${PREFIX}probe`;
  const reason = keep(key, "1");
  if (reason === null) localStorage.removeItem(key);
  return reason;
}

/** A name belongs to its tab, so that one browser can be two people; a new tab proposes the last one. */
export const remembered = {
  key: "tidings:name",

  read() {
    return { here: attempt(() => sessionStorage.getItem(this.key)), last: attempt(() => localStorage.getItem(this.key)) };
  },

  write(name) {
    attempt(() => sessionStorage.setItem(this.key, name));
    attempt(() => localStorage.setItem(this.key, name));
  },

  /** The tab is nobody's any more. */
  leave() {
    attempt(() => sessionStorage.removeItem(this.key));
  },
};

/** The token that a tab came in with. It ends with the tab, and no other tab has it. */
export const tokenOfTab = {
  key: "tidings:token",

  read() {
    return attempt(() => sessionStorage.getItem(this.key));
  },

  write(token) {
    attempt(() => sessionStorage.setItem(this.key, token));
  },

  forget() {
    attempt(() => sessionStorage.removeItem(this.key));
  },
};

function keep(key, text) {
  try {
    localStorage.setItem(key, text);
    return null;
  } catch (error) {
    return error?.name === "QuotaExceededError" || error?.name === "NS_ERROR_DOM_QUOTA_REACHED" ? FULL : FORBIDDEN;
  }
}

/** The keys whose values can be had again, those of other users first. */
function droppable(wanted) {
  const user = wanted.slice(0, wanted.lastIndexOf(":"));
  const keys = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at));
  const ours = keys.filter((key) => key.startsWith(PREFIX) && !NEVER_DROPPED.some((end) => key.endsWith(end)));
  return ours.sort((left, right) => Number(left.startsWith(`${user}:`)) - Number(right.startsWith(`${user}:`)));
}

/** What forbidden storage gives: nothing. */
function attempt(use) {
  try {
    return use();
  } catch (error) {
    console.warn("the browser keeps nothing for this page", error);
    return null;
  }
}
