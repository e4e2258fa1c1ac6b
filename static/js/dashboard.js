// The dashboard keeps itself fresh: every 30 seconds it fetches its panels and changes in place what is not as it was, so
// that scrolling, focus, open tables and typed days stay. A panel in which text is selected waits for its reader.

const EVERY = 30_000;
const AGAIN = 5_000;
const WAITS = 20_000;
const CHOICE = "rapport.dashboard.refresh";

const $ = (id) => document.getElementById(id);
const root = $("dashboard");
const choice = $("dashboard-refresh");
const status = $("dashboard-at");
const say = (key, values) => root.dataset[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// --- Changing in place -----------------------------------------------------------------------------------------------------

/** What a reader has done to an element, which news must not undo. */
const OWN = { DETAILS: ["open"], INPUT: ["value", "checked"] };

/** Whether one may become the other: the same kind of node, and the same panel. */
const alike = (old, next) => old.nodeType === next.nodeType && old.nodeName === next.nodeName && old.id === next.id;

/** Make `old` like `next`, changing as little as possible. */
function change(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.isEqualNode(next)) return;
  const own = OWN[old.nodeName] ?? [];
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !own.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value && !own.includes(name)) old.setAttribute(name, value);
  }
  let at = old.firstChild;
  for (const child of [...next.childNodes]) {
    if (at && alike(at, child)) {
      change(at, child);
      at = at.nextSibling;
    } else {
      old.insertBefore(child, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** Whether the reader has selected text in here. */
function isSelectedIn(element) {
  const selection = getSelection();
  return selection.rangeCount > 0 && !selection.isCollapsed && selection.getRangeAt(0).intersectsNode(element);
}

/** Say in a panel's foot that it is older than the others; "" takes that away. */
function hold(panel, text) {
  const foot = panel.querySelector(".panel-foot");
  let held = foot.querySelector(".panel-held");
  if (!text) return void held?.remove();
  if (!held) {
    held = document.createElement("span");
    held.className = "panel-held";
    foot.append(held);
  }
  held.textContent = text;
}

/** What must not move under the reader's eyes: where the focus is, else the panel at the top; null at the page's top. */
function anchor(board) {
  const at = document.activeElement;
  const { top, bottom } = at.getBoundingClientRect();
  if (board.contains(at) && bottom > 0 && top < innerHeight) return at;
  if (scrollY === 0) return null;
  return [...board.querySelectorAll("[data-panel]")].find((panel) => panel.getBoundingClientRect().bottom > 0) ?? null;
}

let time = $("dashboard-board").dataset.at;

/** Show what was fetched. */
function show(board) {
  const before = time;
  const old = $("dashboard-board");
  time = board.dataset.at;
  for (const panel of old.querySelectorAll("[data-panel]")) {
    const next = board.querySelector(`#${panel.id}`);
    if (next && isSelectedIn(panel)) {
      // The news goes without it: what is left in its place is a copy of what stands there.
      if (!panel.querySelector(".panel-held")) hold(panel, say("held", { time: before }));
      next.replaceWith(panel.cloneNode(true));
    }
  }
  const kept = anchor(old);
  const place = kept?.getBoundingClientRect().top;
  change(old, document.importNode(board, true));
  if (kept?.isConnected) scrollBy(0, kept.getBoundingClientRect().top - place);
}

// --- Asking ----------------------------------------------------------------------------------------------------------------

let timer = 0;
let asking = null;
let over = false;

/** Write how fresh it is. What is wrong is marked, and told to whoever listens; that all is well is not. */
function tell(key, wrong = false) {
  const now = new Date().toLocaleTimeString(document.documentElement.lang || undefined, { hour12: false });
  if (wrong) status.dataset.state = "wrong";
  else delete status.dataset.state;
  status.setAttribute("aria-live", wrong ? "polite" : "off");
  status.textContent = say(key, { time, now });
}

async function ask() {
  clearTimeout(timer);
  if (over || document.hidden || !choice.checked) return;
  asking?.abort();
  const mine = (asking = new AbortController());
  const tooLong = setTimeout(() => mine.abort(), WAITS);
  let wait = EVERY;
  try {
    const answer = await fetch(root.dataset.part, { signal: mine.signal, cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 404) {
      over = true;
      return tell("out", true);
    }
    if (!answer.ok) throw new Error(answer.statusText);
    const board = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("dashboard-board");
    show(board);
    tell("fresh");
  } catch {
    if (asking !== mine) return; // a newer question is on its way
    wait = AGAIN;
    tell("lost", true);
  } finally {
    clearTimeout(tooLong);
    if (asking === mine) timer = setTimeout(ask, wait);
  }
}

// --- Starting --------------------------------------------------------------------------------------------------------------

function stored() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null; // storage may be forbidden; the choice then holds for this page only
  }
}

choice.checked = stored() !== "off";
choice.closest("label").hidden = false;
choice.addEventListener("change", () => {
  try {
    localStorage.setItem(CHOICE, choice.checked ? "on" : "off");
  } catch {
    // as above
  }
  clearTimeout(timer);
  if (choice.checked) ask();
  else if (!over) tell("off");
});
// A tab that nobody looks at asks nothing, and asks at once when somebody does.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else ask();
});
tell(choice.checked ? "fresh" : "off");
timer = setTimeout(ask, EVERY);
