// Where the page begins: asks for a name, then joins the parts.

import { Announcer } from "./announcer.js";
import { Banner } from "./banner.js";
import { composing } from "./dom.js";
import { Gather } from "./gather.js";
import { Indicator } from "./indicator.js";
import { checkedName, shownName } from "./name.js";
import { Rail } from "./rail.js";
import { Session } from "./session.js";
import { remembered } from "./storage.js";
import { Talk } from "./talk.js";
import { Troubles } from "./troubles.js";

const touch = matchMedia("(pointer: coarse)");
// What the page is made of before anybody comes in.
const pristine = document.body.cloneNode(true);

function ask(proposed, note = null) {
  const welcome = document.querySelector("#welcome");
  const told = welcome.querySelector("#welcome-note");
  told.hidden = note === null;
  told.textContent = note ?? "";
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

/** Asks for another name, also while there is no server from which the page could be had again. */
function leave(session) {
  const { unkept, unkeptReason } = session.outbox;
  const lost = `This browser cannot keep what is not sent yet: ${unkeptReason}. Change the name all the same, and lose it?`;
  if (unkept.size > 0 && !confirm(lost)) return;
  const away = session.connection.state !== "open";
  const waits = session.outbox.waiting.length - unkept.size;
  // The session ends before its elements go. What listens to more than them, as to the window, ends with it.
  session.stop();
  remembered.leave();
  history.replaceState(null, "");
  document.title = "tidings";
  document.body.replaceWith(pristine.cloneNode(true));
  ask(remembered.read().last, away ? absence(session.me, waits) : null);
}

function absence(name, waits) {
  const kept = waits > 0 ? ` What ${shownName(name)} has written and is not sent yet stays in this browser, and is sent when ${shownName(name)} comes in again.` : "";
  return `There is no connection to the server now. You can change your name all the same: what you write waits in this browser until the server is back.${kept}`;
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
  const root = document.querySelector("#app");
  document.querySelector("#welcome").hidden = true;
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

  // The parts above call these two, but not before somebody chooses something.
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
  }, { signal: session.life });
  addEventListener("beforeunload", (event) => session.outbox.unkept.size > 0 && event.preventDefault(), { signal: session.life });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || composing(event) || event.defaultPrevented || talk.key === null || document.querySelector("dialog[open]")) return;
    root.querySelector("#back").click();
  }, { signal: session.life });
  session.on("arrived", ({ entry, message }) => announcer.message(entry, message));
  session.on("notice", (text) => announcer.say(text));
  session.on("reset", () => talk.restart());
  session.book.on("change", title);
  title();
  new Troubles(session, new Banner(root.querySelector("#banner")));
  // The session starts when all who show something of it listen.
  session.start();
  const before = session.book.conversations.get(history.state?.key);
  if (before) open(before, false);
  else rail.search.focus();
}

const { here, last } = remembered.read();
const name = usable(here);
if (name) enter(name);
else ask(last);
