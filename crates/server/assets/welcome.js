// Choosing a name, where nobody has to log in.

import { checkedName } from "./name.js";
import { remembered } from "./storage.js";

/** Asks for a name; `oncome` gets it. */
export function askForName(proposed, note, oncome) {
  const welcome = document.querySelector("#welcome");
  const told = welcome.querySelector("#welcome-note");
  told.hidden = note === null;
  told.textContent = note ?? "";
  const field = welcome.querySelector("#name");
  const problem = welcome.querySelector("#name-problem");
  welcome.hidden = false;
  field.disabled = false;
  field.value = proposed ?? "";
  field.select();
  field.focus();
  welcome.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      const name = checkedName(field.value);
      remembered.write(name);
      oncome(name);
    } catch (error) {
      problem.textContent = error.message;
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  });
}

/** A name that was kept, if it still is one. */
export function usableName(kept) {
  try {
    return kept && checkedName(kept);
  } catch {
    return null;
  }
}
