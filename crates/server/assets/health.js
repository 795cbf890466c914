// Whether the server takes messages and gives them out. A connection alone says nothing of that: a server whose disk is
// full still holds it open. What a send or a read met counts first, then what the server says of its parts.

import { Emitter } from "./emitter.js";
import { parts, Refused } from "./http.js";
import { plainReason } from "./reason.js";

const AGAIN_MS = 5_000;
const GLANCE_MS = 30_000;
// What stands for a reason that is for the operator of the server alone.
const OTHERWISE = Object.freeze({
  sending: "it cannot write to its store",
  reading: "it cannot read its store",
  presence: "the server cannot reach what keeps it",
});
const WELL = Object.freeze({ sending: null, reading: null, presence: null });

/** Emits `change`, and `well` when the server says that what failed works again. */
export class Health extends Emitter {
  #met = { ...WELL };
  #said = WELL;
  #looking = false;
  #looked = -Infinity;
  #timer = 0;
  #connection;

  constructor(connection, life) {
    super();
    this.#connection = connection;
    life.addEventListener("abort", () => clearTimeout(this.#timer));
    connection.on("open", () => this.look());
  }

  /** Each is `null` while it works, and else why it does not. */
  get sending() {
    return this.#met.sending ?? this.#said.sending;
  }

  get reading() {
    return this.#met.reading ?? this.#said.reading;
  }

  get presence() {
    return this.#said.presence;
  }

  /** Notes how a send or a read went: `null`, or its error. */
  note(what, error) {
    const before = this[what];
    this.#met[what] = error === null ? null : reasonOf(error, OTHERWISE[what]);
    if (error === null) this.#said = { ...this.#said, [what]: null };
    else if (this.#timer === 0) this.look();
    if (this[what] !== before) this.emit("change");
  }

  /** Looks if it was not done lately, as before somebody writes. */
  glance() {
    if (performance.now() - this.#looked > GLANCE_MS) this.look();
  }

  /** Asks the server how its parts are, and again as long as one is not well. */
  async look() {
    // One question at a time. Without a connection the next `open` asks.
    if (this.#looking || this.#connection.state !== "open") return;
    clearTimeout(this.#timer);
    [this.#looking, this.#looked, this.#timer] = [true, performance.now(), 0];
    try {
      this.#hear(await parts());
    } catch (error) {
      console.warn("the server does not say how it is", error);
    }
    this.#looking = false;
    if (this.#connection.state !== "open") return;
    const well = [this.sending, this.reading, this.presence].every((reason) => reason === null);
    if (!well) this.#timer = setTimeout(() => this.look(), AGAIN_MS * (0.8 + Math.random() * 0.4));
  }

  #hear(found) {
    const failing = (name) => found.find((part) => part?.name === name && part.state !== "well");
    const timelines = failing("timelines");
    const reason = (part, what) => (part ? plainReason(part.reason, OTHERWISE[what]) : null);
    const said = {
      sending: reason(timelines, "sending"),
      reading: timelines?.state === "down" ? reason(timelines, "reading") : null,
      presence: reason(failing("presence"), "presence"),
    };
    const before = this.#said;
    this.#said = said;
    // The outbox waits for its next try; this ends the wait.
    if (before.sending !== null && said.sending === null) this.emit("well");
    if (Object.keys(said).some((what) => said[what] !== before[what])) this.emit("change");
  }
}

function reasonOf(error, otherwise) {
  if (error instanceof Refused) return plainReason(error.message, otherwise);
  if (error.name === "TimeoutError") return "it does not answer";
  return error instanceof TypeError ? "it cannot be reached" : error.message;
}
