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

  reset() {
    this.#attempt = 0;
  }
}
