// Where the page begins: asks for a name, then joins the parts.

import { Announcer } from "./announcer.js";
import { Gather } from "./gather.js";
import { Indicator } from "./indicator.js";
import { checkedName } from "./name.js";
import { Rail } from "./rail.js";
import { Session } from "./session.js";
import { Talk } from "./talk.js";

const NAME = "tidings:name";
const touch = matchMedia("(pointer: coarse)");
const root = document.querySelector("#app");
const welcome = document.querySelector("#welcome");

/** A name belongs to its tab, so that one browser can be two people; a new tab proposes the last one. */
function remembered() {
  try {
    return { here: sessionStorage.getItem(NAME), last: localStorage.getItem(NAME) };
  } catch {
    return { here: null, last: null };
  }
}

function remember(name) {
  try {
    sessionStorage.setItem(NAME, name);
    localStorage.setItem(NAME, name);
  } catch (error) {
    console.warn("the browser keeps nothing for this page", error);
  }
}

function ask(proposed) {
  const field = welcome.querySelector("#name");
  const problem = welcome.querySelector("#name-problem");
  welcome.hidden = false;
  field.value = proposed ?? "";
  field.select();
  field.focus();
  welcome.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      const name = checkedName(field.value);
      remember(name);
      enter(name);
    } catch (error) {
      problem.textContent = error.message;
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  });
}

function leave(session) {
  session.stop();
  sessionStorage.removeItem(NAME);
  location.reload();
}

function enter(name) {
  welcome.hidden = true;
  root.hidden = false;
  root.querySelector("#me").textContent = name;
  const session = new Session(name);
  const announcer = new Announcer(document);
  const talk = new Talk(root.querySelector("#talk"), session, { onread: (entry) => session.book.read(entry.key) });
  const rail = new Rail(root.querySelector("#rail"), session, (entry) => open(entry, true));
  const gather = new Gather(document.querySelector("#gather"), session, (title, members) =>
    open(session.group(title, members), true),
  );
  new Indicator(root.querySelector("#connection"), session.connection, session.presence);

  const open = (entry, push) => {
    talk.open(entry);
    rail.mark(entry.key);
    root.dataset.pane = "talk";
    // On a phone the step back leads to the list.
    if (push && history.state?.key !== entry.key) history[history.state?.key ? "replaceState" : "pushState"]({ key: entry.key }, "");
    if (touch.matches) talk.title.focus({ preventScroll: true });
    else talk.composer.focus();
  };
  const close = () => {
    root.dataset.pane = "list";
    rail.focus();
    talk.close();
    rail.mark(null);
  };
  const title = () => {
    const count = session.book.unread();
    document.title = `${count > 0 ? `(${count > 99 ? "99+" : count}) ` : ""}${name} · tidings`;
  };

  root.dataset.pane = "list";
  root.querySelector("#new-group").addEventListener("click", () => gather.open());
  root.querySelector("#leave").addEventListener("click", () => leave(session));
  root.querySelector("#back").addEventListener("click", () => (history.state?.key ? history.back() : close()));
  addEventListener("popstate", ({ state }) => {
    const entry = session.book.conversations.get(state?.key);
    if (entry) open(entry, false);
    else close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || talk.key === null || document.querySelector("dialog[open]")) return;
    root.querySelector("#back").click();
  });
  session.on("arrived", ({ entry, message }) => announcer.message(entry, message));
  session.on("notice", (text) => announcer.say(text));
  session.on("reset", close);
  session.book.on("change", title);
  title();
  session.start();
  const before = session.book.conversations.get(history.state?.key);
  if (before) open(before, false);
  else rail.search.focus();
}

const { here, last } = remembered();
if (here) enter(here);
else ask(last);
