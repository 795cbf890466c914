// One WebSocket to the hub that comes back by itself and binds its channels again.

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { Refused } from "./http.js";
import { decode, encode, freshId, Opcode, textOf } from "./protocol.js";
import { reconnectOf } from "./reconnect.js";

// Longer than the 8 s after which the server says that the store did not answer.
const CALL_MS = 10_000;
const HEARTBEAT_MS = 25_000;
// A connection counts as good again once it has lasted this long.
const STABLE_MS = 5_000;

/** The address of the hub, with what says who connects: a `user` or a `ticket`. */
export function hubAddress(name, value) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws?${name}=${encodeURIComponent(value)}`;
}

//            ┌────── the timer, or retryNow ──────┐
//            ▼                                    │
//  start ─► connecting ──► open ──closed──► waiting       (closed before it was open: waiting as well)
//            ▲   │               └─ closed with a final code ──► ended
//            │   └──── the login is over ──────────────────────► barred
//            └──────────────────── connectAgain ─────────────────┘
/** Emits `state` on every change, `open` when calls can be made, and `message` with { channel, text }. */
export class Connection extends Emitter {
  #socket = null;
  #channels = new Set();
  #calls = new Map();
  #backoff = new Backoff();
  #timer = 0;
  #heartbeat = 0;
  #stable = 0;
  #stopped = false;
  #door;

  /** `door` gives the address for each connect, or a promise of it where a ticket has to be got first. */
  constructor(door, life) {
    super();
    this.#door = door;
    /** "connecting", "open", "waiting", "ended" when only the user may connect again, or "barred" until there is another login. */
    this.state = "connecting";
    /** When the next try is made, while waiting. */
    this.retryAt = 0;
    /** Code and reason with which the server ended it for good. */
    this.ending = null;
    addEventListener("online", () => this.retryNow(), { signal: life });
    addEventListener("offline", () => this.#lose(this.#socket), { signal: life });
    document.addEventListener("visibilitychange", () => !document.hidden && this.retryNow(), { signal: life });
    life.addEventListener("abort", () => this.#stop());
  }

  start() {
    this.#open();
  }

  /** Does not wait for the next try. */
  retryNow() {
    if (this.state === "waiting" && !this.#stopped) {
      clearTimeout(this.#timer);
      this.#open();
    }
  }

  /** Connects because the user asks for it, also after the server ended it for good, or has another login. */
  connectAgain() {
    if (["ended", "barred"].includes(this.state) && !this.#stopped) this.#open();
    else this.retryNow();
  }

  /** Listens on a channel, now and after every reconnect. */
  bind(channel) {
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    if (this.state === "open") this.#send({ opcode: Opcode.BIND, channel });
  }

  unbind(channel) {
    if (this.#channels.delete(channel) && this.state === "open") this.#send({ opcode: Opcode.UNBIND, channel });
  }

  /** Asks the server for something; rejects when it refuses, does not answer, or the connection is lost. */
  call(name, details = {}) {
    if (this.state !== "open") return Promise.reject(new Error("there is no connection to the server"));
    const uuid = freshId();
    return new Promise((resolve, reject) => {
      const late = new Error(`the server did not answer within ${CALL_MS / 1000} s`);
      const timer = setTimeout(() => this.#settle(uuid, (call) => call.reject(late)), CALL_MS);
      this.#calls.set(uuid, { resolve, reject, timer });
      this.#send({ opcode: Opcode.SERVER, uuid, body: JSON.stringify({ call: name, ...details }) });
    });
  }

  #stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  #open() {
    this.#become("connecting");
    const address = this.#door();
    if (typeof address === "string") return this.#connect(address);
    return address.then(
      (found) => this.#stopped || this.#connect(found),
      (error) => this.#stopped || this.#kept(error),
    );
  }

  /** There is no address now. Only a login that is over does not come back by itself. */
  #kept(error) {
    if (error instanceof Refused && error.status === 401) return this.#become("barred");
    console.warn("there is no ticket for a connection now", error);
    return this.#wait(Math.max(this.#backoff.next(), error.retryAfter ?? 0));
  }

  #connect(address) {
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    // Of one that was given up nothing counts any more.
    const heed = (listener) => (event) => socket === this.#socket && listener(event);
    socket.addEventListener("open", heed(() => this.#opened()));
    socket.addEventListener("message", heed((event) => this.#received(event.data)));
    socket.addEventListener("close", heed((event) => this.#closed(event)));
  }

  /** Gives up a socket whose peer cannot be reached: a browser waits up to a minute for the answer to its goodbye. */
  #lose(socket) {
    if (socket === null) return;
    socket.close();
    this.#closed({ code: 1006, reason: "" });
  }

  #opened() {
    this.#become("open");
    // The order matters: all is bound before `open` is told. A snapshot that is asked for after that misses no change.
    for (const channel of this.#channels) this.#send({ opcode: Opcode.BIND, channel });
    this.#stable = setTimeout(() => this.#backoff.reset(), STABLE_MS);
    // A browser does not notice a peer that is gone without a word; a question without an answer does.
    this.#heartbeat = setInterval(() => {
      const socket = this.#socket;
      this.call("ping").catch(() => socket === this.#socket && this.#lose(socket));
    }, HEARTBEAT_MS);
    this.emit("open");
  }

  #closed({ code, reason }) {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#stable);
    // Calls are rejected before the new state is told, so nobody waits for an answer that cannot come. Their callers
    // ask again when it is open.
    this.#socket = null;
    const lost = new Error("the connection to the server was lost");
    for (const uuid of [...this.#calls.keys()]) this.#settle(uuid, (call) => call.reject(lost));
    if (this.#stopped) return;
    const reconnect = reconnectOf(code);
    if (reconnect === "never") {
      this.ending = { code, reason };
      this.#become("ended");
      return;
    }
    this.#wait(reconnect === "at-once" ? this.#backoff.atOnce() : this.#backoff.next());
  }

  #wait(delay) {
    this.retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.#open(), delay);
    // This comes last: who hears of it reads `retryAt`.
    this.#become("waiting");
  }

  #received(data) {
    if (!(data instanceof ArrayBuffer)) return;
    let message;
    try {
      message = decode(data);
    } catch (error) {
      console.warn("a message from the server cannot be read and is ignored", error);
      return;
    }
    if (message.opcode === Opcode.WRITE) {
      this.emit("message", { channel: message.channel, text: textOf(message.body) });
    } else if (message.opcode === Opcode.SERVER) {
      this.#settle(message.uuid, (call) => {
        const answer = JSON.parse(textOf(message.body));
        if (answer.error) call.reject(new Error(answer.error));
        else call.resolve(answer);
      });
    }
  }

  #settle(uuid, outcome) {
    const call = this.#calls.get(uuid);
    if (!call) return;
    this.#calls.delete(uuid);
    clearTimeout(call.timer);
    try {
      outcome(call);
    } catch (error) {
      call.reject(error);
    }
  }

  /** On a socket that is about to close nothing is sent: `close` rejects what waits for an answer, and all is bound anew. */
  #send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(encode({ uuid: freshId(), ...message }));
  }

  #become(state) {
    this.state = state;
    this.emit("state", state);
  }
}
