// What a browser keeps for a user between visits. A browser that keeps nothing still chats.

/** A JSON value in the local storage, shared by the user's tabs. */
export class Stored {
  constructor(user, name) {
    this.key = `tidings:1:${user}:${name}`;
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "null");
    } catch {
      return null;
    }
  }

  /** Whether it could be kept. */
  write(value) {
    try {
      localStorage.setItem(this.key, JSON.stringify(value));
      return true;
    } catch (error) {
      console.warn("the browser keeps nothing for this page", error);
      return false;
    }
  }

  /** Calls back when another tab wrote. */
  watch(listener) {
    addEventListener("storage", (event) => event.key === this.key && listener());
  }
}
