// Whether the page is connected, to a server that is well, in a word, a colour and a sign.

import { icon } from "./dom.js";

/** Follows a connection, and says how many people are there; a click tries at once. */
export class Indicator {
  #timer = 0;

  constructor(button, { connection, presence, health, life }) {
    this.button = button;
    const count = button.querySelector("#people-count");
    presence.on("change", () => (count.textContent = presence.fresh ? `${presence.count} online` : ""));
    this.connection = connection;
    this.word = button.querySelector("#connection-word");
    this.sign = button.querySelector("#connection-sign");
    button.addEventListener("click", () => connection.connectAgain());
    this.health = health;
    connection.on("state", () => this.#show());
    health.on("change", () => this.#show());
    life.addEventListener("abort", () => clearInterval(this.#timer));
    this.#show();
  }

  #show() {
    clearInterval(this.#timer);
    const { state } = this.connection;
    this.button.dataset.state = state;
    this.button.disabled = state !== "waiting" && state !== "ended";
    const trouble = state === "open" ? troubleOf(this.health) : null;
    this.button.classList.toggle("is-troubled", trouble !== null);
    this.sign.replaceChildren(icon(trouble === null ? (state === "open" ? "link" : "unlink") : "warning"));
    if (trouble !== null) this.#say(trouble, trouble);
    else if (state === "open") this.#say("Connected", "Connected");
    else if (state === "connecting") this.#say("Connecting…", "Connecting");
    else if (state === "ended") this.#say("Connect again", "The server ended the connection.");
    else if (state === "barred") this.#say("Login ended", "There is no connection, as your login has ended.");
    else {
      const count = () => this.#say(`Offline, next try in ${this.#seconds()} s`, "Offline. Trying again by itself.");
      count();
      this.#timer = setInterval(count, 500);
    }
  }

  #seconds() {
    return Math.max(1, Math.ceil((this.connection.retryAt - Date.now()) / 1000));
  }

  /** What is heard does not count seconds. */
  #say(seen, heard) {
    this.word.textContent = seen;
    const spoken = document.querySelector("#connection-spoken");
    if (spoken.textContent !== heard) spoken.textContent = heard;
    const { state } = this.connection;
    this.button.title = state === "waiting" ? "Try now" : state === "ended" ? "The server ended the connection" : "";
  }
}

/** What a connection is worth little without. */
function troubleOf({ sending, reading }) {
  if (sending !== null) return "Messages cannot be sent now";
  return reading === null ? null : "Messages cannot be read now";
}
