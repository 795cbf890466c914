// Logging in: a link to where people do that, and a field for a token.

import { pastedToken } from "./token.js";

/** Asks for a login, `note` says why; `oncome` gets the user. */
export function askForLogin(login, note, oncome) {
  const root = document.querySelector("#login");
  const why = root.querySelector("#login-note");
  const link = root.querySelector("#login-link");
  const field = root.querySelector("#token");
  root.hidden = false;
  why.hidden = note === null;
  why.textContent = note ?? "";
  link.hidden = login.url === null;
  if (login.url !== null) link.href = login.url;
  // Where there is a link, it is what most people want.
  root.querySelector("button").className = login.url === null ? "primary" : "secondary";
  field.disabled = false;
  field.focus();
  onToken(root.querySelector("form"), root.querySelector("#token-problem"), field, async (token) => {
    await login.comeIn(token);
    root.hidden = true;
    oncome(login.user);
  });
}

/** Calls `use` with each token that is pasted into the field of a form, one at a time, and says what is wrong with it. */
export function onToken(form, problem, field, use) {
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    problem.textContent = "";
    field.removeAttribute("aria-invalid");
    try {
      await use(pastedToken(field.value));
      field.value = "";
    } catch (error) {
      problem.textContent = error.message;
      field.setAttribute("aria-invalid", "true");
      field.select();
      field.focus();
    }
    busy = false;
  });
}
