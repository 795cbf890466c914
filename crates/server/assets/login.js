// Who is logged in on this tab, by which token, and until when. Whether it still is good, the server's answers say.
//
//            begin, comeIn                 2 minutes before its end            refused after its end
//  nobody ───────────────────► "good" ─────────────────────────► "soon" ──────────────────────────► "over"
//     ▲                          ▲ ▲                               │                                  │
//     │                          └─┴──────────── renew ────────────┴──────────────────────────────────┘
//     └── logOut; revoked; refused before its end (from each)
//
// A cookie and a proxy do not say when the login ends: there is no "soon" then, and a refusal ends it.

import { hubAddress } from "./connection.js";
import { credentials } from "./credentials.js";
import { Emitter } from "./emitter.js";
import { howToLogIn, redeem, Refused, ticket, whoIs } from "./http.js";
import { isName, shownName } from "./name.js";
import { plainReason } from "./reason.js";
import { endOf } from "./token.js";

export const ENDED = "Your login has ended. Paste a new token or log in again.";
const UNUSABLE = "This login has a user whom this page cannot show. Log in as somebody else.";
const REVOKED = "Your login was revoked. Paste a new token or log in again.";

// With this code the server ends the connection of a login that was revoked.
const REVOKED_CODE = 4301;
const WARNING_MS = 120_000;
// Clocks may differ by so much, unnoticed.
const SLACK_MS = 5_000;
// A timer cannot wait for longer than 24 days.
const LOOK_MS = 3_600_000;

/** Emits `stage` when that changed, and `out` with a sentence when nobody is logged in any more by the server's will. */
export class Login extends Emitter {
  /** How far the server's clock is before ours. */
  #ahead = 0;
  #timer = 0;

  constructor() {
    super();
    /** Whether people have to log in here; otherwise they choose a name. */
    this.needed = false;
    /** Where the program that embeds this page logs people in, or `null`. */
    this.url = null;
    this.user = null;
    /** When it ends by our clock, or `null` if nobody knows. */
    this.endsAt = null;
    /** "good", "soon" or "over". */
    this.stage = "good";
    credentials.on("refused", () => this.#refused());
  }

  /**
   * Asks who this is, by what was handed over, else by the token of the tab, else by what the browser sends by itself.
   * Returns nothing, or why nobody is logged in, as a sentence. It throws when the server does not answer now.
   */
  async begin(handed) {
    const given = handed.token !== null || handed.ticket !== null;
    const problem = await this.#take(handed);
    const { token } = credentials;
    const [found, refusal] = problem === null ? await answerOrRefusal(whoIs(token)) : [null, null];
    const { logins, loginUrl } = this.#hear(found ?? (await howToLogIn()));
    this.needed = logins !== "none";
    this.url = webAddress(loginUrl);
    const user = this.needed && found !== null ? found.user : null;
    if (isName(user)) {
      this.#enter(user);
      return null;
    }
    credentials.forget();
    if (user !== null) return UNUSABLE;
    if (problem !== null) return problem;
    if (given) return notTaken(refusal);
    return token !== null || refusal !== null ? ENDED : null;
  }

  /** Comes in with a token that was pasted; or throws what is wrong with it, as a sentence. */
  async comeIn(token) {
    const user = await this.#userOf(token);
    credentials.keep(token);
    this.#enter(user);
  }

  /** Goes on with another token of the same user; or throws what is wrong with it, as a sentence. */
  async renew(token, connection) {
    const user = await this.#userOf(token);
    if (user !== this.user) {
      throw new Error(`This token is of ${shownName(user)}, and you are ${shownName(this.user)} here. Log out first.`);
    }
    if (connection.state === "open") {
      await connection.call("refresh", { token }).catch((error) => {
        // One that was lost meanwhile comes back with the new token.
        if (connection.state === "open") throw new Error(notTaken(error));
      });
    }
    credentials.keep(token);
    this.#expect();
    connection.connectAgain();
  }

  /** What was handed over to a page on which somebody is logged in. */
  async renewBy(handed, connection) {
    const redeemed = (ticket) => redeem(ticket).catch((error) => Promise.reject(new Error(ticketProblem(error))));
    const token = handed.token ?? (await redeemed(handed.ticket));
    if (token === null) throw new Error("The ticket in the address came without a token. Reload this page to log in anew.");
    return this.renew(token, connection);
  }

  /** Nobody is logged in on this tab any more. A login that a cookie or a proxy made goes on without it. */
  logOut() {
    clearTimeout(this.#timer);
    credentials.forget();
    [this.user, this.endsAt, this.stage] = [null, null, "good"];
  }

  /** The address of the user's next connection, with a ticket that opens it once. */
  async door() {
    // For requests a token is good for a moment behind its end, and for a connection it is not.
    if (this.#hasEnded()) {
      this.#expire();
      throw new Refused(401, "the login has ended", 0);
    }
    const { ticket: text, user } = await ticket();
    // A cookie is that of the whole browser.
    if (user !== this.user) {
      this.#end(`This browser is logged in as ${shownName(String(user))} now. Reload this page to go on.`);
      throw new Refused(401, "somebody else is logged in", 0);
    }
    return hubAddress("ticket", text);
  }

  /** Hears why the server ended a connection for good. */
  noteClose(code) {
    if (code === REVOKED_CODE) this.#end(REVOKED);
  }

  /** Puts down what was handed over. Returns nothing, or why it is not good. */
  async #take(handed) {
    if (handed.ticket !== null) {
      try {
        handed.token = await redeem(handed.ticket);
      } catch (error) {
        if (!isFinal(error)) throw error;
        return ticketProblem(error);
      }
      handed.ticket = null;
      // One that was made without a token says that the browser itself can log in.
      if (handed.token === null) credentials.forget();
    }
    if (handed.token !== null) credentials.keep(handed.token);
    return null;
  }

  async #userOf(token) {
    const [found, refusal] = await answerOrRefusal(whoIs(token)).catch(() => {
      throw new Error("The server cannot say now whether this token is good. Try again.");
    });
    if (found === null || found.user === null) throw new Error(notTaken(refusal));
    this.#hear(found);
    if (!isName(found.user)) throw new Error(UNUSABLE);
    return found.user;
  }

  #hear(found) {
    const ahead = found.now === null ? 0 : found.now - Date.now();
    this.#ahead = Math.abs(ahead) < SLACK_MS ? 0 : ahead;
    return found;
  }

  #enter(user) {
    this.user = user;
    this.#expect();
  }

  #expect() {
    const end = credentials.token === null ? null : endOf(credentials.token);
    this.endsAt = end === null ? null : end - this.#ahead;
    this.stage = "good";
    this.#look();
    this.emit("stage", this.stage);
  }

  #look() {
    clearTimeout(this.#timer);
    if (this.endsAt === null || this.stage !== "good") return;
    const left = this.endsAt - WARNING_MS - Date.now();
    if (left <= 0) this.#become("soon");
    else this.#timer = setTimeout(() => this.#look(), Math.min(left, LOOK_MS));
  }

  #become(stage) {
    this.stage = stage;
    this.emit("stage", stage);
  }

  #refused() {
    if (this.user === null) return;
    if (this.#hasEnded(SLACK_MS)) this.#expire();
    else this.#end(ENDED);
  }

  #hasEnded(slack = 0) {
    return this.endsAt !== null && Date.now() >= this.endsAt - slack;
  }

  /** What is on the screen stays there, as somebody may be in the middle of a sentence. */
  #expire() {
    credentials.expire();
    this.#become("over");
  }

  #end(sentence) {
    if (this.user === null) return;
    this.logOut();
    this.emit("out", sentence);
  }
}

/** An answer and nothing, or nothing and why there will be none; throws what may pass. */
async function answerOrRefusal(asked) {
  try {
    return [await asked, null];
  } catch (error) {
    if (!isFinal(error)) throw error;
    return [null, error];
  }
}

function isFinal(error) {
  return error instanceof Refused && (error.status === 401 || error.permanent);
}

function notTaken(refusal) {
  const why = refusal === null ? "" : `: ${plainReason(refusal.message, "it does not say why")}`;
  return `The server does not take this token${why}. Paste another one or log in again.`;
}

function ticketProblem(error) {
  const why = plainReason(error.message, "it does not say why");
  return `The server does not take the ticket in the address: ${why}. A ticket can be used once, and not for long. Paste a token or log in again.`;
}

/** An address for a link, if it is one of the web. */
function webAddress(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
