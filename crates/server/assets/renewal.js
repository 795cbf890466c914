// The line above everything by which a login goes on that ends soon, or is over: what is on the screen stays there.

import { ENDED } from "./login.js";
import { onToken } from "./login_form.js";
import { clockTime } from "./time.js";

export class Renewal {
  constructor(form, session, login) {
    this.form = form;
    this.login = login;
    this.why = form.querySelector("#renewal-why");
    this.field = form.querySelector("#renewal-token");
    this.problem = form.querySelector("#renewal-problem");
    const link = form.querySelector("#renewal-link");
    link.hidden = login.url === null;
    if (login.url !== null) link.href = login.url;
    onToken(form, this.problem, this.field, async (token) => {
      await login.renew(token, session.connection);
      session.emit("notice", login.endsAt === null ? "You stay logged in." : `You stay logged in until ${clockTime(login.endsAt)}.`);
    });
    login.on("stage", () => this.#show(), session.life);
    this.#show();
  }

  #show() {
    const { stage, endsAt } = this.login;
    if (stage === "good") return this.#hide();
    this.form.hidden = false;
    this.why.textContent =
      stage === "over" ? ENDED : `Your login ends at ${clockTime(endsAt)}. Paste a new token or log in again to stay.`;
  }

  #hide() {
    const focused = this.form.contains(document.activeElement);
    this.form.hidden = true;
    this.problem.textContent = "";
    if (!focused) return;
    // What is hidden loses the focus, which then belongs to where people write.
    const next = ["#text", "#search"].map((id) => document.querySelector(id)).find((field) => field.checkVisibility() && !field.disabled);
    next?.focus({ preventScroll: true });
  }
}
