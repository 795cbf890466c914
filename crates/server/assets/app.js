// Where the page begins: asks for a name, then joins the parts.

import { Announcer } from "./announcer.js";
import { Banner } from "./banner.js";
import { composing } from "./dom.js";
import { Gather } from "./gather.js";
import { Indicator } from "./indicator.js";
import { checkedName } from "./name.js";
import { Rail } from "./rail.js";
import { Session } from "./session.js";
import { remembered } from "./storage.js";
import { Talk } from "./talk.js";
import { Troubles } from "./troubles.js";

const touch = matchMedia("(pointer: coarse)");
const root = document.querySelector("#app");
const welcome = document.querySelector("#welcome");

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
      remembered.write(name);
      enter(name);
    } catch (error) {
      problem.textContent = error.message;
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  });
}

/** Asks for another name. The page that goes away ends its own connection. */
function leave() {
  remembered.leave();
  location.reload();
}

/** A name that was kept, if it still is one. */
function usable(kept) {
  try {
    return kept && checkedName(kept);
  } catch {
    return null;
  }
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
  new Indicator(root.querySelector("#connection"), session);

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
  root.querySelector("#leave").addEventListener("click", leave);
  root.querySelector("#back").addEventListener("click", () => (history.state?.key ? history.back() : close()));
  addEventListener("popstate", ({ state }) => {
    const entry = session.book.conversations.get(state?.key);
    if (entry) open(entry, false);
    else close();
  });
  addEventListener("beforeunload", (event) => session.outbox.unkept.size > 0 && event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || composing(event) || event.defaultPrevented || talk.key === null || document.querySelector("dialog[open]")) return;
    root.querySelector("#back").click();
  });
  session.on("arrived", ({ entry, message }) => announcer.message(entry, message));
  session.on("notice", (text) => announcer.say(text));
  session.on("reset", () => talk.restart());
  session.book.on("change", title);
  title();
  new Troubles(session, new Banner(root.querySelector("#banner")));
  session.start();
  const before = session.book.conversations.get(history.state?.key);
  if (before) open(before, false);
  else rail.search.focus();
}

const { here, last } = remembered.read();
const name = usable(here);
if (name) enter(name);
else ask(last);
