// What this tab shows the server to say whose it is: a token, or nothing where a cookie or a proxy says it.

import { Emitter } from "./emitter.js";
import { tokenOfTab } from "./storage.js";

/** Emits `refused` when the server does not take them. */
class Credentials extends Emitter {
  #token = tokenOfTab.read();
  #over = false;

  get token() {
    return this.#token;
  }

  /** Whether they are known to be over: nothing is asked with them then. */
  get over() {
    return this.#over;
  }

  keep(token) {
    [this.#token, this.#over] = [token, false];
    tokenOfTab.write(token);
  }

  forget() {
    [this.#token, this.#over] = [null, false];
    tokenOfTab.forget();
  }

  /** Asks nothing more until there are others. */
  expire() {
    this.#over = true;
  }

  /** The server did not take this token; by now another one may be in its place, of which that says nothing. */
  noteRefusal(token) {
    if (token === this.#token && !this.#over) this.emit("refused");
  }
}

export const credentials = new Credentials();
