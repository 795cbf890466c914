// Making elements. Text becomes text nodes and nothing else, so nobody's text is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `class`, `on…` listeners, `data` and attributes; children are nodes or texts, `null` is left out. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// Drawn in a field of 24 by 24, with lines.
const ICONS = {
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2.5 12.5L7 17l9.5-9.5M11.5 16l1 1L22 7.5",
  clock: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18",
  down: "M6 9l6 6 6-6",
  edit: "M4 20l1-4L16.5 4.5a2 2 0 0 1 3 3L8 19zM14.5 6.5l3 3",
  group: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 1 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.4a3.5 3.5 0 0 1 0 6.2M18 14.5c2.1.8 3.5 2.8 3.5 5.5",
  leave: "M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4M6 12h9",
  link: "M4 12a8 8 0 0 1 16 0M7.5 12a4.5 4.5 0 0 1 9 0M12 12v.01",
  plus: "M12 5v14M5 12h14",
  remove: "M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13M15.5 15.5L20 20",
  send: "M5 12h13M12.5 6l6 6-6 6",
  unlink: "M4 12a8 8 0 0 1 12-6.9M20 12a8 8 0 0 0-1-3.9M12 12v.01M4 4l16 16",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.01",
};

/** A picture that says the same as the text beside it, or nothing. */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("class", `icon icon-${name}`);
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  picture.append(path);
  return picture;
}

/** Puts `nodes` into `parent` in this order; those that stay are not touched, and the focus stays where it is. */
export function arrange(parent, nodes) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const node of nodes) {
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/**
 * Whether a key belongs to a word that is being composed, as in Japanese: Enter then ends the word and is no wish to
 * send. Safari ends the composition first and tells the key after it, marked by nothing but its code 229.
 */
export function composing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** Calls `paint` once for a burst of changes, soon; a hidden page paints too, since its title counts unread messages. */
export function painter(paint) {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    const run = () => {
      planned = false;
      paint();
    };
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  };
}
