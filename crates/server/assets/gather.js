// The dialog that makes a group: a name, and people chosen from those who are known or typed in. What is typed filters
// the list, and what is wrong with a field stands at that field.

import { composing, el } from "./dom.js";
import { checkedName, shownName } from "./name.js";

const OFFERED_MAX = 2_000;

const count = new Intl.NumberFormat("en");

/** Calls `onmade` with the title and the members. */
export class Gather {
  /** How many people are known or online and not in the list. */
  #left = 0;

  constructor(dialog, session, onmade) {
    this.dialog = dialog;
    this.session = session;
    this.onmade = onmade;
    this.name = dialog.querySelector("#group-name");
    this.person = dialog.querySelector("#group-person");
    this.people = dialog.querySelector("#group-people");
    this.found = dialog.querySelector("#group-found");
    dialog.querySelector("form").addEventListener("submit", (event) => this.#make(event));
    dialog.querySelector("#group-add").addEventListener("click", () => this.#guarded(this.person, () => this.#add()));
    dialog.querySelector("#group-cancel").addEventListener("click", () => dialog.close());
    this.name.addEventListener("input", () => complain(this.name, ""));
    this.person.addEventListener("input", () => {
      complain(this.person, "");
      this.#filter();
    });
    this.people.addEventListener("change", () => {
      complain(this.person, "");
      this.#filter();
    });
    this.person.addEventListener("keydown", (event) => this.#pressed(event));
  }

  open() {
    const { book, presence, me } = this.session;
    const known = book.list().filter((entry) => entry.kind === "direct").map((entry) => entry.peer);
    const offered = [...new Set([...known, ...presence.online])].filter((name) => name !== me);
    this.#left = Math.max(0, offered.length - OFFERED_MAX) + presence.unlisted;
    this.people.replaceChildren(...offered.slice(0, OFFERED_MAX).map((name) => choice(name, false)));
    for (const field of [this.name, this.person]) {
      field.value = "";
      complain(field, "");
    }
    this.#filter();
    this.dialog.showModal();
    this.name.focus();
  }

  #pressed(event) {
    if (composing(event)) return;
    if (event.key === "Enter" && this.person.value.trim() !== "") {
      event.preventDefault();
      this.#guarded(this.person, () => this.#add());
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.people.querySelector("li:not([hidden]) input")?.focus();
    }
  }

  /** Shows who is called as what is typed, and whoever is chosen. */
  #filter() {
    const typed = comparable(this.person.value);
    let found = 0;
    for (const row of this.people.children) {
      const box = row.querySelector("input");
      const matches = comparable(box.value).includes(typed);
      row.hidden = !matches && !box.checked;
      found += Number(matches);
    }
    const text = this.#sentence(typed, found, this.people.children.length);
    if (this.found.textContent !== text) this.found.textContent = text;
  }

  #sentence(typed, found, all) {
    const who = this.#left === 1 ? "One more person is" : `${count.format(this.#left)} more people are`;
    const left = this.#left > 0 ? ` ${who} known or online. Type their full name and add it.` : "";
    if (typed === "") return all === 0 && left === "" ? "Nobody is known here yet. Type a name and add it." : left.trim();
    if (found === 0) return `Nobody in this list is called that. Add puts the name in as it is typed.${left}`;
    return `${found === 1 ? "One person is" : `${count.format(found)} people are`} called that.${left}`;
  }

  #add() {
    const name = checkedName(this.person.value);
    if (name === this.session.me) throw new Error("You are in the group anyway.");
    const boxes = [...this.people.querySelectorAll("input")];
    // Somebody who is in the list already is chosen there, and does not come twice.
    const there = boxes.find((box) => box.value === name);
    if (there) there.checked = true;
    else this.people.prepend(choice(name, true));
    this.person.value = "";
    this.#filter();
    this.person.focus();
  }

  #make(event) {
    event.preventDefault();
    const chosen = () => {
      if (this.person.value.trim() !== "") this.#add();
      const members = [...this.people.querySelectorAll("input:checked")].map((box) => box.value);
      if (members.length === 0) throw new Error("Choose at least one person.");
      return members;
    };
    // Both fields say what is wrong with them; the first one gets the focus.
    const members = this.#guarded(this.person, chosen);
    const title = this.#guarded(this.name, () => checkedName(this.name.value));
    if (title === null || members === null) return;
    this.dialog.close();
    this.onmade(title, members);
  }

  /** What comes of it, or `null` when the field is told what is wrong with it. */
  #guarded(field, attempt) {
    try {
      complain(field, "");
      return attempt() ?? null;
    } catch (error) {
      complain(field, error.message);
      field.focus();
      return null;
    }
  }
}

/** Says at a field what is wrong with it, or nothing. */
function complain(field, text) {
  const problem = field.ownerDocument.getElementById(`${field.id}-problem`);
  if (problem.textContent !== text) problem.textContent = text;
  if (text === "") field.removeAttribute("aria-invalid");
  else field.setAttribute("aria-invalid", "true");
}

/** As it is searched for: in one spelling, without regard to case. */
function comparable(text) {
  return text.normalize("NFC").trim().toLocaleLowerCase();
}

function choice(name, checked) {
  const box = el("input", { type: "checkbox", value: name, checked });
  return el("li", {}, el("label", { class: "choice" }, box, el("span", { dir: "auto" }, shownName(name))));
}
