// The dialog that makes a group: a name, and people chosen from those who are known or typed in.

import { composing, el } from "./dom.js";
import { checkedName, shownName } from "./name.js";

const OFFERED_MAX = 100;

/** Calls `onmade` with the title and the members. */
export class Gather {
  constructor(dialog, session, onmade) {
    this.dialog = dialog;
    this.session = session;
    this.onmade = onmade;
    this.name = dialog.querySelector("#group-name");
    this.person = dialog.querySelector("#group-person");
    this.people = dialog.querySelector("#group-people");
    this.problem = dialog.querySelector("#group-problem");
    dialog.querySelector("form").addEventListener("submit", (event) => this.#make(event));
    dialog.querySelector("#group-add").addEventListener("click", () => this.#add());
    dialog.querySelector("#group-cancel").addEventListener("click", () => dialog.close());
    this.person.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || composing(event) || this.person.value.trim() === "") return;
      event.preventDefault();
      this.#add();
    });
  }

  open() {
    const { book, presence, me } = this.session;
    const known = book.list().filter((entry) => entry.kind === "direct").map((entry) => entry.peer);
    const offered = new Set([...known, ...presence.online].filter((name) => name !== me));
    this.people.replaceChildren(...[...offered].slice(0, OFFERED_MAX).map((name) => choice(name, false)));
    this.name.value = "";
    this.person.value = "";
    this.problem.textContent = "";
    this.dialog.showModal();
    this.name.focus();
  }

  #add() {
    this.#guarded(() => {
      const name = checkedName(this.person.value);
      const boxes = [...this.people.querySelectorAll("input")];
      // Somebody who is in the list already is chosen there, and does not come twice.
      const there = boxes.find((box) => box.value === name);
      if (there) there.checked = true;
      else if (name !== this.session.me) this.people.prepend(choice(name, true));
      this.person.value = "";
      this.person.focus();
    });
  }

  #make(event) {
    event.preventDefault();
    this.#guarded(() => {
      if (this.person.value.trim() !== "") this.#add();
      const title = checkedName(this.name.value);
      const members = [...this.people.querySelectorAll("input:checked")].map((box) => box.value);
      if (members.length === 0) throw new Error("Choose at least one person.");
      this.dialog.close();
      this.onmade(title, members);
    });
  }

  #guarded(attempt) {
    try {
      this.problem.textContent = "";
      attempt();
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }
}

function choice(name, checked) {
  const box = el("input", { type: "checkbox", value: name, checked });
  return el("li", {}, el("label", { class: "choice" }, box, el("span", { dir: "auto" }, shownName(name))));
}
