// Something that others listen to.

export class Emitter extends EventTarget {
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Calls back with each event, until `life` ends if there is one. */
  on(type, listener, life) {
    this.addEventListener(type, (event) => listener(event.detail), { signal: life });
    return this;
  }
}
