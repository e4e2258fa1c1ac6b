// The connection: one websocket, a sign of life, and the way back after a loss, with back-off and jitter.

import { $, announce, data, say, write } from "./page.js";
import { isOpen, state } from "./state.js";

const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;
const RETRY_FIRST = 500;
const RETRY_MOST = 30_000;
const RETRY_RESTARTING = 2_000; // a server that said it restarts is back within seconds
const RESTARTS_FOR = 30_000;
const QUIET_FOR = 900; // a connection that is back this soon is not worth a word
const STEADY_AFTER = 5_000; // only a connection that lasted ends the back-off
const NO_RECONNECT = { 4401: "signed-out", 4404: "unavailable", 4410: "withdrawn" };

let socket = null;
let failures = 0;
let steadySince = 0;
let restarting = false;
let nextTry = 0; // moment of the next attempt, 0 for none planned
let lostAt = 0;
let pongTimer = 0;
let listener; // heard(event), lost(panel): the panel to show when there is no way back, else ""

export let ready = false; // hello was heard

const gone = () => Boolean(lostAt && Date.now() - lostAt > QUIET_FOR);

/** Whether what is sent now has to wait, for so long that people should know. */
export const away = () => !ready && gone();

export function transmit(event) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
}

export function listen(to) {
  listener = to;
  connect();
}

function connect() {
  if (state.over || socket) return;
  nextTry = 0;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(`${scheme}//${location.host}${data.socket}`);
  socket = mine;
  mine.addEventListener("message", ({ data: text }) => {
    if (socket !== mine) return;
    clearTimeout(pongTimer);
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      return;
    }
    if (event.type === "hello") {
      ready = true;
      restarting = false;
      steadySince = Date.now();
    }
    listener.heard(event);
  });
  mine.addEventListener("close", ({ code }) => socket === mine && lost(code));
  pongTimer = setTimeout(() => socket === mine && !ready && drop(), PONG_WITHIN);
}

/** Give a dead connection up at once; its own close event may take minutes. */
function drop() {
  const dead = socket;
  lost(0);
  dead?.close();
}

function lost(code) {
  clearTimeout(pongTimer);
  socket = null;
  ready = false;
  lostAt ||= Date.now();
  if (steadySince && Date.now() - steadySince > STEADY_AFTER) failures = 0;
  steadySince = 0;
  if (code in NO_RECONNECT) state.over = true;
  else {
    restarting = code === 1012 || (restarting && Date.now() - lostAt < RESTARTS_FOR);
    const wait = Math.min(restarting ? RETRY_RESTARTING : RETRY_MOST, RETRY_FIRST * 2 ** failures);
    failures += 1;
    nextTry = Date.now() + wait * (0.5 + Math.random() / 2);
  }
  listener.lost(NO_RECONNECT[code] ?? "");
}

/** Everything that was missed has been asked for: the loss is over. */
export function online() {
  if (lostAt && !$("band").hidden) announce(say("back"));
  lostAt = 0;
}

function tryNow() {
  if (state.over) return;
  if (ready) check();
  else if (nextTry) connect();
  band();
}

/** Ask for a sign of life; none in time means the connection is gone. */
function check() {
  clearTimeout(pongTimer);
  const asked = socket;
  transmit({ type: "ping" });
  pongTimer = setTimeout(() => socket === asked && drop(), PONG_WITHIN);
}

/** Connect when the time has come. */
export function tryInTime() {
  if (nextTry && Date.now() >= nextTry) connect();
}

setInterval(() => ready && check(), PING_EVERY);
addEventListener("online", tryNow);
addEventListener("offline", () => ready && check());
addEventListener("pageshow", (event) => event.persisted && tryNow());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tryNow());
$("try-now").addEventListener("click", () => {
  failures = 0;
  tryNow();
});

let bandSaid = false;
export function band() {
  const shown = gone() && !state.over && isOpen();
  $("band").hidden = !shown;
  if (!shown) {
    bandSaid = false;
    return;
  }
  const seconds = Math.max(1, Math.ceil((nextTry - Date.now()) / 1000));
  write($("band-text"), nextTry ? say(restarting ? "restarting" : "lost", { seconds }) : say("connecting"));
  $("try-now").disabled = !nextTry;
  if (!bandSaid) announce(say("gone")); // once, not at every second
  bandSaid = true;
}
