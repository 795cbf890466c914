// Says what does not work, why, and what becomes of the messages meanwhile: sentences that come and go.

import { storageProblem } from "./storage.js";

/** Puts `storage`, `sending`, `reading` and `presence` into a banner. */
export class Troubles {
  #forgetful = storageProblem();
  #unread = null;

  constructor(session, banner) {
    this.session = session;
    this.banner = banner;
    const show = () => this.#show();
    session.connection.on("state", show);
    session.health.on("change", show);
    for (const event of ["queued", "stored", "failed", "dropped", "kept"]) session.outbox.on(event, show);
    session.book.on("kept", (reason) => {
      this.#unread = reason;
      this.#show();
    });
    show();
  }

  #show() {
    this.banner.set("storage", this.#storage());
    this.banner.set("sending", this.#sending(), this.#comeBack());
    this.banner.set("reading", this.#reading());
    this.banner.set("presence", this.#presence());
  }

  #storage() {
    const { unkept, unkeptReason } = this.session.outbox;
    if (unkept.size > 0) {
      const [many, are] = unkept.size === 1 ? ["a message", "is"] : [`${unkept.size} messages`, "are"];
      return `This browser cannot keep ${many} that ${are} not sent yet: ${unkeptReason}. Do not close or reload this page before ${unkept.size === 1 ? "it is" : "they are"} sent.`;
    }
    if (this.#forgetful !== null) {
      return `This browser keeps nothing between visits: ${this.#forgetful}. A reload asks again who you are, and loses what is not sent by then.`;
    }
    return this.#unread === null ? null : `This browser cannot keep how far you have read: ${this.#unread}. After a reload, messages may be shown as new again.`;
  }

  #sending() {
    const { connection, health, outbox } = this.session;
    const count = outbox.waiting.length;
    if (connection.state === "ended") {
      const { code, reason } = connection.ending;
      return `The server ended the connection and asks this page not to come back by itself: ${reason || "no reason given"} (code ${code}). Choose “Connect again” if you want to return. ${count === 0 ? "" : `${waiting(count)} when it is back.`}`.trim();
    }
    if (connection.state !== "open") {
      return count === 0 ? null : `There is no connection to the server. ${waiting(count)} when it is back.`;
    }
    if (health.sending === null) return null;
    return `The server takes no messages now: ${health.sending}. ${count === 0 ? "" : `${waiting(count)} when it takes them again.`}`.trim();
  }

  /** The way back of one whom the server sent away: what else offers it is not on a narrow screen with an open conversation. */
  #comeBack() {
    const { connection } = this.session;
    return connection.state === "ended" ? { word: "Connect again", run: () => connection.connectAgain() } : null;
  }

  #presence() {
    const { connection, health } = this.session;
    if (connection.state !== "open" || health.presence === null) return null;
    return `Who is online is not known for certain now: ${health.presence}. Messages are not affected.`;
  }

  #reading() {
    const { connection, health } = this.session;
    if (connection.state !== "open" || health.reading === null) return null;
    return `Your messages cannot be read from the server now: ${health.reading}. The page asks again by itself.`;
  }
}

function waiting(count) {
  return count === 1 ? "One message waits in this browser and is sent" : `${count} messages wait in this browser and are sent`;
}
