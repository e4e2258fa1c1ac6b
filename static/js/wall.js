// The class wall: asks every second what has changed, patches the tiles that did, and sends what a teacher decides.
// It moves no tile under a pointer or the focus; every text is set as text, never as markup.

import { clockIn } from "./chat/clock.js";

const EVERY = 1_000;
const SLOWEST = 10_000;
const WAITS = 8_000;
const SAID_FOR = 5_000;
const TOUCHED_FOR = 3_000;

const $ = (id) => document.getElementById(id);
const wall = $("wall");
const tiles = $("tiles");
const { part, transcript, noSession, timeZone } = wall.dataset;
const words = $("wall-words").dataset;
const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const clock = clockIn(timeZone);
const time = (moment) => clock(new Date(moment));
const write = (node, text) => node.textContent !== text && (node.textContent = text);

let skew = Date.parse(wall.dataset.now) - Date.now(); // the server's clock counts
const minutes = (from, to) => say("minutes", { minutes: Math.max(0, Math.floor((to - from) / 60_000)) });

// --- Tiles ---------------------------------------------------------------------------------------------------------------

/** The tiles by key: their elements are looked up once. */
const known = new Map();

function adopt(element) {
  const find = (name) => element.querySelector(`.tile-${name}`);
  const tile = {
    element,
    link: find("who").firstElementChild,
    state: find("state"),
    with: find("with"),
    time: find("time"),
    turns: find("turns"),
    why: find("why"),
    alert: find("alert"),
    nudged: find("nudged"),
    acts: find("acts"),
    hold: find("hold"),
    release: find("release"),
    told: "", // the row as it was last drawn
    row: null,
  };
  known.set(element.dataset.id, tile);
  return tile;
}

function make(id) {
  const element = $("tile-shape").content.firstElementChild.cloneNode(true);
  element.dataset.id = id;
  for (const node of element.querySelectorAll("[href], [formaction]")) {
    const name = node.hasAttribute("href") ? "href" : "formaction";
    node.setAttribute(name, node.getAttribute(name).replace(noSession, id));
  }
  return adopt(element);
}

/** Draw a row; true if something was not as it is shown. */
function draw(tile, row) {
  const told = JSON.stringify(row);
  tile.row = row;
  if (tile.told === told) return false;
  tile.told = told;
  const { element } = tile;
  if (element.dataset.state !== row.state) element.dataset.state = row.state;
  write(tile.link, row.who);
  if (row.until) tile.link.setAttribute("href", transcript.replace(noSession, row.id));
  for (const hidden of tile.acts.querySelectorAll(".visually-hidden")) write(hidden, ` – ${row.who}`);
  write(tile.state, say(row.state));
  tile.alert.hidden = !row.alert;
  write(tile.with, say(row.branch ? "withBranch" : "with", { name: row.with }));
  write(tile.turns, say("turns", { turns: row.turns ?? 0 }));
  write(tile.nudged, row.nudged ? `${say("nudged", { time: time(row.nudged) })}, ${say(row.seen ? "seen" : "unseen")}` : "");
  const at = document.activeElement;
  tile.acts.hidden = Boolean(row.until);
  tile.hold.hidden = row.state === "held";
  tile.release.hidden = row.state !== "held";
  // Whoever had pressed what is gone now goes on beside it.
  if (tile.acts.contains(at) && (tile.acts.hidden || at.hidden)) {
    (tile.acts.hidden ? tile.link : at === tile.hold ? tile.release : tile.hold).focus({ preventScroll: true });
  }
  tick(tile);
  return true;
}

/** What moves by time alone. */
function tick({ row, time: node, why }) {
  const now = Date.now() + skew;
  write(node, minutes(row.since, row.until || now));
  let text = "";
  if (row.state === "stuck" && row.unanswered) text = say("unanswered");
  else if (row.state === "stuck" || row.state === "idle") {
    text = say("quiet", { minutes: Math.max(0, Math.floor((now - row.active) / 60_000)) });
  } else if (row.walked) text = say("walkedOut");
  else if (row.state === "held") text = say("by", { name: row.by ?? "" });
  write(why, text);
}

setInterval(() => {
  for (const tile of known.values()) if (tile.row && !tile.row.until) tick(tile);
}, 5_000);

// --- Order ---------------------------------------------------------------------------------------------------------------

let order = []; // the keys as they should hang
let pointing = false;
let touchedAt = 0;
tiles.addEventListener("pointerenter", ({ pointerType }) => (pointing = pointerType === "mouse"));
tiles.addEventListener("pointerleave", () => {
  pointing = false;
  sort();
});
addEventListener("touchmove", () => (touchedAt = Date.now()), { passive: true });
tiles.addEventListener("touchstart", () => (touchedAt = Date.now()), { passive: true });
tiles.addEventListener("focusout", () => setTimeout(sort));

/** Whether moving tiles would take one from under a hand: the pointer, the focus, a finger, an open question. */
const inUse = () =>
  pointing ||
  tiles.contains(document.activeElement) ||
  Date.now() - touchedAt < TOUCHED_FOR ||
  Boolean(document.querySelector("dialog[open]"));

/** Bring the tiles into order, moving as few as possible. */
function sort(force = false) {
  const wanted = order.map((id) => known.get(id)?.element).filter(Boolean);
  const place = new Map(wanted.map((element, at) => [element, at]));
  const hanging = [...tiles.children].map((element) => place.get(element) ?? -1);
  const stays = rising(hanging);
  if (stays.size === wanted.length) return void ($("wall-sort").hidden = true);
  if (!force && inUse()) return void ($("wall-sort").hidden = false);
  let next = null;
  for (let at = wanted.length - 1; at >= 0; at -= 1) {
    if (!stays.has(at)) tiles.insertBefore(wanted[at], next);
    next = wanted[at];
  }
  $("wall-sort").hidden = true;
}

/** The longest run of places that already hang in order: what need not move. */
function rising(places) {
  const ends = []; // for each length the place in `places` of the lowest end
  const before = [];
  places.forEach((place, at) => {
    if (place < 0) return;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[ends[middle]] < place) low = middle + 1;
      else high = middle;
    }
    before[at] = low ? ends[low - 1] : -1;
    ends[low] = at;
  });
  const stays = new Set();
  for (let at = ends.length ? ends[ends.length - 1] : -1; at >= 0; at = before[at]) stays.add(places[at]);
  return stays;
}

$("wall-sort").addEventListener("click", () => sort(true));

// --- What the server says --------------------------------------------------------------------------------------------------

function show(news) {
  skew = news.now - Date.now();
  const here = new Set();
  const stuck = [];
  for (const row of news.tiles) {
    here.add(row.id);
    let tile = known.get(row.id);
    const before = tile?.row?.state;
    if (!tile) {
      tile = make(row.id);
      tiles.append(tile.element); // at the end, where it moves nobody; sorted in when that is possible
    }
    draw(tile, row);
    if (row.state === "stuck" && seen && before !== "stuck") stuck.push(row.who);
  }
  for (const [id, tile] of known) {
    if (here.has(id)) continue;
    if (tile.element.contains(document.activeElement)) $("content").focus({ preventScroll: true });
    tile.element.remove();
    known.delete(id);
  }
  order = news.tiles.map((row) => row.id);
  sort();
  seen = true;
  write($("count-all"), String(news.open));
  write($("count-attention"), String(news.attention));
  $("wall-ended").hidden = !news.ended;
  write($("wall-ended").lastElementChild, String(news.ended));
  for (const count of document.querySelectorAll("[data-count]")) {
    const number = news.counts[count.dataset.count] ?? 0;
    count.hidden = !number;
    write(count.querySelector("b"), String(number));
  }
  $("wall-empty").hidden = news.tiles.length > 0;
  $("wall-left-out").hidden = !news.left_out;
  write($("wall-left-out"), say("leftOut", { count: news.left_out }));
  showMissing(news);
  if (stuck.length) write($("wall-news"), say("news", { names: stuck.slice(0, 5).join(", ") }));
}

function showMissing({ missing, not_started: names }) {
  if (!$("missing")) return;
  $("missing").hidden = !missing;
  write($("missing-number"), String(missing));
  const list = $("missing-names");
  if (list.children.length === names.length && names.every((name, at) => list.children[at].textContent === name)) return;
  list.replaceChildren(
    ...names.map((name) => {
      const item = document.createElement("li");
      item.textContent = name;
      return item;
    }),
  );
}

// --- Asking ----------------------------------------------------------------------------------------------------------------

let seen = false; // whether an answer was shown
let etag = "";
let wait = EVERY;
let timer = 0;
let asking = null;
let heardAt = Date.now();
let over = false;

async function ask() {
  clearTimeout(timer);
  if (over || document.hidden) return;
  asking?.abort();
  const mine = (asking = new AbortController());
  const tooLong = setTimeout(() => mine.abort(), WAITS);
  let news = null;
  try {
    const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
    const answer = await fetch(part, { headers, signal: mine.signal, cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 404) {
      over = true;
      return write($("wall-live"), say("out"));
    }
    if (answer.status === 200) {
      news = await answer.json();
      etag = answer.headers.get("ETag") ?? "";
    } else if (answer.status !== 304) throw new Error(answer.statusText);
    wait = EVERY;
    heardAt = Date.now();
    write($("wall-live"), say("fresh"));
  } catch {
    if (asking !== mine) return; // a newer question is on its way
    wait = Math.min(wait * 2, SLOWEST);
    write($("wall-live"), say("lost", { time: time(heardAt) }));
  } finally {
    clearTimeout(tooLong);
    if (asking === mine) timer = setTimeout(ask, wait);
  }
  if (news) show(news);
}

document.addEventListener("visibilitychange", ask);

// --- Doing -----------------------------------------------------------------------------------------------------------------

let saidTimer = 0;
function tell(text) {
  write($("wall-said"), text);
  $("wall-said").hidden = false;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => ($("wall-said").hidden = true), SAID_FOR);
}

/** Send a form by this button; whether it was done, and in which words. */
async function send(form, button) {
  if (button.dataset.busy) return null;
  button.dataset.busy = "yes";
  try {
    const headers = { Accept: "application/json" };
    const body = new FormData(form, button);
    const path = button.hasAttribute("formaction") ? button.formAction : form.action;
    const answer = await fetch(path, { method: "POST", headers, body, redirect: "manual" });
    if (answer.status !== 200 && answer.status !== 409) throw new Error(answer.statusText);
    const { text } = await answer.json();
    return { done: answer.ok, text };
  } catch {
    return { done: false, text: say("failed") };
  } finally {
    delete button.dataset.busy;
    ask();
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("#tiles-form, .wall-act, #nudge-form, #end-form")) return;
  event.preventDefault();
  delete form.dataset.sent; // it stays in the page and may be sent again
  const outcome = await send(form, event.submitter ?? form.querySelector("button.button-primary"));
  if (!outcome) return;
  if (form.id === "nudge-form" && !outcome.done) {
    write($("nudge-wrong"), outcome.text);
    $("nudge-wrong").hidden = false;
    return;
  }
  form.closest("dialog")?.close();
  if (form.id === "nudge-form") form.reset();
  tell(outcome.text);
});

tiles.addEventListener("click", (event) => {
  const link = event.target.closest(".tile-nudge, .tile-end");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const name = link.closest(".tile").querySelector(".tile-who").textContent.trim();
  const kind = link.classList.contains("tile-nudge") ? "nudge" : "end";
  $(`${kind}-form`).action = link.href;
  $(`${kind}-title`).textContent = say(`${kind}Title`, { name });
  if (kind === "nudge") $("nudge-wrong").hidden = true;
  $(`${kind}-dialog`).showModal();
});
for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => setTimeout(sort));

for (const element of tiles.children) adopt(element);
ask();
