// The conversation page: speaks PROTOCOL 1 over a websocket, draws what arrives, and loses nothing that was written.

import { countExchanges, warn } from "./chat/attempt.js";
import {
  allow, box, deliver, freeRetry, giveBack, holdFor, note, refresh, rest, tickComposer, written,
} from "./chat/composer.js";
import { listen, online, transmit, tryInTime } from "./chat/connection.js";
import {
  account, byId, byKey, draw, grown, localTimes, log, mark, part, place, supersedeBefore, tick, toEnd,
} from "./chat/log.js";
import { nudge } from "./chat/nudges.js";
import { $, announce, data, following, number, page, say, write } from "./chat/page.js";
import { isOpen, kept, state, unqueue } from "./chat/state.js";
import { tip } from "./chat/tips.js";

const STILL_AFTER = 8_000;

// --- A reply on its way ------------------------------------------------------------------------------------------------

function begin(id) {
  let article = byId(id);
  if (article && article.dataset.status !== "streaming") return; // finished already
  if (!article) {
    article = draw("client");
    article.dataset.id = id;
    supersedeBefore(article);
    place(article, 0);
  }
  mark(article, "streaming");
  if (state.reply?.id !== id) state.reply = { id, article, index: 0, pending: "", since: Date.now(), line: "" };
  if (state.stopping && state.stopping !== id) state.stopping = null;
  drawThinking();
  refresh();
}

let frame = 0;
function flow() {
  frame = 0;
  if (!state.reply?.pending) return;
  const text = part(state.reply.article, "text");
  if (text.firstChild) text.firstChild.appendData(state.reply.pending);
  else text.textContent = state.reply.pending;
  state.reply.pending = "";
  grown();
}

/** What the client does until the first word: thinks, thinks for long, or waits in line. */
function drawThinking() {
  const thinking = state.reply && part(state.reply.article, "thinking");
  if (!thinking) return;
  const { line, since } = state.reply;
  thinking.classList.toggle("is-queued", Boolean(line));
  write(thinking.firstElementChild, line || say(Date.now() - since > STILL_AFTER ? "still" : "thinking"));
}

function finish() {
  if (document.activeElement === $("stop")) rest();
  state.reply = null;
}

let healing = false;
function heal() {
  if (healing) return; // one resume is under way
  healing = true;
  transmit({ type: "resume", after: state.last });
  setTimeout(() => {
    healing = false;
  }, 2_000);
}

// --- What the server says ----------------------------------------------------------------------------------------------

const hear = {
  hello(event) {
    stands(event);
    transmit({ type: "resume", after: state.last });
    deliver();
    if (state.stopping) transmit({ type: "stop", message: state.stopping });
    online();
    refresh();
  },

  accepted(event) {
    accept(event.client_key, event.id, event.sequence, event.status);
  },

  message(event) {
    if (event.client_key && state.queue.some((item) => item.key === event.client_key)) {
      accept(event.client_key, event.id, event.sequence, event.status);
    }
    let article = byId(event.id);
    if (!article) {
      article = draw(event.role, event.text, new Date(event.created_at));
      article.dataset.id = event.id;
      if (event.role === "client") {
        supersedeBefore(article);
        if (event.text && event.status !== "superseded") announce(heard(event));
      } else if (event.role === "system") announce(event.text);
      else if (following) announce(say("wrote", { text: event.text }));
    } else write(part(article, "text"), event.text);
    if (state.reply?.id === event.id) finish();
    mark(article, event.status, event.note);
    place(article, event.sequence);
    if (event.feedback) tip(event.id, event.feedback);
    if (event.more) transmit({ type: "resume", after: state.last });
    refresh();
  },

  started(event) {
    begin(event.message);
  },

  delta(event) {
    if (state.reply?.id !== event.message || event.index > state.reply.index + 1) return heal();
    if (event.index <= state.reply.index) return;
    state.reply.index = event.index;
    state.reply.line = "";
    state.reply.pending += event.text;
    frame ||= requestAnimationFrame(flow);
  },

  snapshot(event) {
    begin(event.message);
    if (state.reply?.id !== event.message) return;
    healing = false;
    state.reply.index = event.index;
    state.reply.pending = "";
    part(state.reply.article, "text").textContent = event.text;
    grown();
  },

  done(event) {
    let article = byId(event.message);
    if (!article) {
      article = draw("client");
      article.dataset.id = event.message;
      supersedeBefore(article);
    }
    const fresh = !article.dataset.sequence;
    part(article, "text").textContent = event.text;
    mark(article, event.status, event.note);
    place(article, event.sequence);
    if (fresh && event.usage) account(article, event.usage);
    if (fresh) announce([heard(event), part(article, "note").textContent].join(" "));
    if (event.status === "complete") $("service").hidden = true; // the models answer again
    if (fresh && !state.exhausted) allow(""); // where it still holds, it is said anew
    if (state.stopping === event.message) state.stopping = null;
    if (state.reply?.id === event.message) finish();
    refresh();
  },

  session(event) {
    stands(event);
  },

  notice(event) {
    if (event.kind === "nudge") nudge(event);
    else if (event.kind === "queue") inLine(event.text);
    else if (event.kind === "feedback") tip(event.message, event.text, { aloud: true });
    else if (event.kind === "budget") allow(event.text, Boolean(event.exhausted));
    else {
      $("notice-text").textContent = event.text;
      $("notice").hidden = false;
      announce(event.text);
    }
  },

  error(event) {
    if (event.retry_after) holdFor(event.retry_after);
    if (event.client_key) giveBack(event.client_key);
    else {
      freeRetry();
      state.stopping = null;
    }
    if (event.code === "session_paused" && state.status === "active") setStatus("paused");
    if (event.code === "session_ended") setStatus("completed");
    if (event.code === "budget_exhausted") allow(event.detail, true);
    else note(event.detail || say("failedSend"));
    refresh();
  },

  pong() {},
};

/** A reply as it is read out; the line of one who could not answer is no words of theirs. */
const heard = ({ text, status }) => (text && status !== "failed" ? say("said", { text }) : "");

function inLine(text) {
  if (!state.reply || state.reply.index) return;
  if (!state.reply.line) announce(text); // the first place in line; each step would be too much to hear
  state.reply.line = text;
  drawThinking();
  grown();
}

function accept(key, id, sequence, status = "complete") {
  const item = state.queue.find((one) => one.key === key);
  unqueue(key);
  let article = byKey(key);
  const stored = byId(id);
  if (stored && stored !== article) {
    article?.remove();
    article = stored;
  }
  if (!article) article = draw("student", item?.text);
  article.dataset.id = id;
  article.dataset.clientKey = key;
  mark(article, status);
  tick(article);
  place(article, sequence);
  $("last-time")?.remove();
  note("");
  if (state.exhausted) allow(""); // there was money after all
  refresh();
}

function lost(panel) {
  healing = false;
  freeRetry(); // if it was accepted, the resume will show the new attempt
  if (panel) {
    state.reply = null;
    for (const article of log.querySelectorAll('[data-status="streaming"]')) mark(article, "interrupted");
    show(panel);
  }
  refresh();
}

$("notice-close").addEventListener("click", () => {
  $("notice").hidden = true;
  rest();
});

// --- The session's state -----------------------------------------------------------------------------------------------

/** What the server says of the session: its status, who paused it, and its deadline. */
function stands(event) {
  data.deadline = event.deadline ?? "";
  data.pausedAt = event.paused_at ?? "";
  setStatus(event.status, Boolean(event.paused_by), event.outcome === "walks_out");
}

function setStatus(status, held = false, left = false) {
  if (state.over) return;
  const changed = state.status !== status || state.held !== held || state.left !== left;
  const released = state.held && status === "active";
  state.status = status;
  state.held = held;
  state.left = left;
  if (changed) show(panelName());
  if (released) announce(say("goesOn"));
  refresh();
}

/** The panel for how the session stands; "" while it runs. */
const panelName = () => {
  if (state.status === "active") return "";
  if (state.held) return "held";
  return state.status === "completed" && state.left ? "left" : state.status;
};

/** Show one panel in the composer's place, or the composer itself for "". Unsent text stays readable. */
function show(name) {
  const at = document.activeElement;
  const inside = $("composer").contains(at) || $("composer-foot").contains(at);
  for (const panel of page.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== name;
  for (const part of page.querySelectorAll("[data-while]")) {
    part.hidden = !part.dataset.while.split(" ").includes(name || "active");
  }
  const open = name === "";
  $("composer").hidden = following || (!open && !box.value);
  $("composer").classList.toggle("is-closed", !open);
  box.readOnly = !open;
  $("end-button").hidden = !open && name !== "paused" && name !== "held";
  if (!open) note("");
  const panel = page.querySelector(`[data-panel="${name}"]`);
  if (panel) announce(panel.querySelector("p").textContent);
  if (inside) (panel ?? box).focus({ preventScroll: true });
  grown();
}

// --- Time --------------------------------------------------------------------------------------------------------------

const skew = Date.parse(data.now) - Date.now(); // the server's clock counts

function second() {
  const now = Date.now() + skew;
  const until = data.pausedAt ? Date.parse(data.pausedAt) : now; // while a teacher pauses it, the deadline waits
  const left = data.deadline ? Math.ceil((Date.parse(data.deadline) - until) / 1000) : null;
  let text = say("minutes", { minutes: number(Math.max(0, Math.floor((now - Date.parse(data.started)) / 60_000))) });
  if (left !== null && left <= 0) text = say("timeUp");
  else if (left !== null && left < 300) {
    text = say("secondsLeft", { clock: `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` });
  } else if (left !== null) text = say("minutesLeft", { minutes: number(Math.ceil(left / 60)) });
  $("timer").hidden = !isOpen();
  $("timer").classList.toggle("is-short", left !== null && left < 300);
  write($("timer-text"), text);
  warn(isOpen() ? left : null);
  countExchanges();
  tryInTime();
  drawThinking();
  tickComposer();
}

// --- Begin -------------------------------------------------------------------------------------------------------------

// What the page shows as stored needs no second sending, nor a second copy.
for (const { key } of state.queue) if (byKey(key)) unqueue(key);
const running = log.querySelector('[data-status="streaming"]');
if (running) {
  const article = draw("client", part(running, "text").textContent);
  article.dataset.id = running.dataset.id;
  article.dataset.status = "streaming";
  running.replaceWith(article);
  begin(article.dataset.id);
}
box.value = box.value || kept.read("draft");
if (state.status !== "active") {
  show(panelName());
  page.querySelector(`[data-panel="${panelName()}"] .button-primary`)?.focus();
}
written();
localTimes();
second();
setInterval(second, 500);
toEnd();
if (state.status === "active") rest();
listen({
  heard: (event) => Object.hasOwn(hear, event.type) && hear[event.type](event),
  lost,
});
