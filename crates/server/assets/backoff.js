// How long to wait before the next try: full jitter, so that a thousand pages do not come back at once.

export class Backoff {
  #attempt = 0;

  constructor({ first = 500, most = 20_000 } = {}) {
    this.first = first;
    this.most = most;
  }

  /** Milliseconds until the next try. */
  next() {
    const ceiling = Math.min(this.most, this.first * 2 ** Math.min(this.#attempt, 16));
    this.#attempt += 1;
    return 100 + Math.random() * ceiling;
  }

  /** Milliseconds until a try that is to come at once: none, unless it is not the first in a row. */
  atOnce() {
    if (this.#attempt > 0) return this.next();
    this.#attempt = 1;
    return 0;
  }

  reset() {
    this.#attempt = 0;
  }
}
