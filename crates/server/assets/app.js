// Where the page begins: finds out who comes in, then joins the parts.

import { Announcer } from "./announcer.js";
import { Backoff } from "./backoff.js";
import { Banner } from "./banner.js";
import { credentials } from "./credentials.js";
import { composing } from "./dom.js";
import { Gather } from "./gather.js";
import { isHandedOver, takeHandover } from "./handover.js";
import { Indicator } from "./indicator.js";
import { Login } from "./login.js";
import { askForLogin } from "./login_form.js";
import { shownName } from "./name.js";
import { Rail } from "./rail.js";
import { Renewal } from "./renewal.js";
import { Session } from "./session.js";
import { remembered } from "./storage.js";
import { Talk } from "./talk.js";
import { Troubles } from "./troubles.js";
import { askForName, usableName } from "./welcome.js";

const touch = matchMedia("(pointer: coarse)");
// What the page is made of before anybody comes in.
const pristine = document.body.cloneNode(true);
const login = new Login();

/** Puts the page back to what it was before anybody came in, also while there is no server from which it could be had again. */
function clear() {
  history.replaceState(null, "");
  document.title = "tidings";
  document.body.replaceWith(pristine.cloneNode(true));
}

/** Whether nothing would be lost that this browser cannot keep, or the person wants it all the same. */
function mayGo({ outbox: { unkept, unkeptReason } }, what) {
  return unkept.size === 0 || confirm(`This browser cannot keep what is not sent yet: ${unkeptReason}. ${what} all the same, and lose it?`);
}

function changeName(session) {
  if (!mayGo(session, "Change the name")) return;
  const away = session.connection.state !== "open";
  const left = unsent(session, session.outbox.waiting.length);
  // The session ends before its elements go. What listens to more than them, as to the window, ends with it.
  session.stop();
  remembered.leave();
  clear();
  const absence = "There is no connection to the server now. You can change your name all the same: what you write waits in this browser until the server is back.";
  askForName(remembered.read().last, away ? [absence, ...left].join(" ") : null, enter);
}

function logOut(session) {
  if (!mayGo(session, "Log out")) return;
  const byToken = credentials.token !== null;
  login.logOut();
  loggedOut(session, byToken ? "You are logged out." : `This page has let go of ${shownName(session.me)}. A cookie or a proxy still says who you are: log out where you logged in, or reload this page to come back.`);
}

/** Nobody is here any more, and of the user nothing is left that the next one could read but what is nowhere else. */
function loggedOut(session, sentence) {
  const left = unsent(session, session.outbox.entries.length);
  session.forget();
  clear();
  askForLogin(login, [sentence, ...left].join(" "), enter);
}

/** What is said of messages that stay in the browser, if there are any. */
function unsent({ me, outbox }, count) {
  const name = shownName(me);
  const sentence = `What ${name} has written and is not sent yet stays in this browser, and is sent when ${name} comes in again.`;
  return count > outbox.unkept.size ? [sentence] : [];
}

function enter(name) {
  const root = document.querySelector("#app");
  document.querySelector("#welcome").hidden = true;
  root.hidden = false;
  root.querySelector("#me").textContent = shownName(name);
  const session = new Session(name, login.needed ? login : null);
  const announcer = new Announcer(document);
  const talk = new Talk(root.querySelector("#talk"), session, { onread: (entry, place) => session.book.read(entry.key, place) });
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
    document.title = `${count > 0 ? `(${count > 999 ? "999+" : count}) ` : ""}${shownName(name)} · tidings`;
  };

  root.dataset.pane = "list";
  root.querySelector("#new-group").addEventListener("click", () => gather.open());
  root.querySelector("#leave").addEventListener("click", () => (login.needed ? logOut : changeName)(session));
  root.querySelector("#back").addEventListener("click", () => (history.state?.key ? history.back() : close()));
  addEventListener("popstate", ({ state }) => {
    // What is handed over is no step in the history.
    if (isHandedOver()) return;
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
  session.book.on("change", title, session.life);
  title();
  new Troubles(session, new Banner(root.querySelector("#banner")));
  if (login.needed) withLogin(session, root, () => talk.key);
  // The session starts when all who show something of it listen.
  session.start();
  const before = session.book.conversations.get(history.state?.key);
  if (before) open(before, false);
  // A field would bring up the keyboard of a phone, over half of what one came to see.
  else (touch.matches ? root.querySelector("#home") : rail.search).focus();
}

/** What a session has on top where people log in. `shown` gives the key of the open conversation. */
function withLogin(session, root, shown) {
  const leave = root.querySelector("#leave");
  leave.title = "Log out";
  leave.setAttribute("aria-label", "Log out");
  new Renewal(root.querySelector("#renewal"), session, login);
  login.on("out", (sentence) => loggedOut(session, sentence), session.life);
  session.connection.on("state", (state) => state === "ended" && login.noteClose(session.connection.ending.code));
  addEventListener("hashchange", () => {
    if (!isHandedOver()) return;
    // Of the same user alone: a link must not make somebody else of a person in the middle of a sentence.
    const handed = takeHandover(shown() === null ? null : { key: shown() });
    login.renewBy(handed, session.connection).then(
      () => session.emit("notice", "You stay logged in."),
      (error) => session.emit("notice", error.message),
    );
  }, { signal: session.life });
}

/** Finds out who this is. Returns what the login has against it, or `null`; while the server does not say, the page asks again. */
async function begin() {
  const handed = takeHandover();
  const opening = document.querySelector("#opening");
  const backoff = new Backoff();
  for (;;) {
    try {
      const problem = await login.begin(handed);
      opening.hidden = true;
      return problem;
    } catch (error) {
      console.warn("the server does not say how to log in", error);
      opening.hidden = false;
      opening.querySelector("#opening-note").textContent = "The server does not let this page begin now. It asks again by itself.";
      await new Promise((resolve) => setTimeout(resolve, Math.max(backoff.next(), error.retryAfter ?? 0)));
    }
  }
}

function comeIn(problem) {
  if (login.needed) return login.user === null ? askForLogin(login, problem, enter) : enter(login.user);
  const { here, last } = remembered.read();
  const name = usableName(here);
  return name ? enter(name) : askForName(last, null, enter);
}

// Where nobody is logged in, the page begins anew with what is handed over. A session takes it out of the address first.
addEventListener("hashchange", () => isHandedOver() && setTimeout(() => isHandedOver() && location.reload()));

comeIn(await begin());
