// The conversation page: speaks PROTOCOL 1 over a websocket, draws what arrives, and loses nothing that was written.
// Every word shown comes from the page (#words, translated); every text is set as text, never as markup.

const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;
const RETRY_FIRST = 500;
const RETRY_MOST = 30_000;
const QUIET_FOR = 900; // a connection that is back this soon is not worth a word
const STEADY_AFTER = 5_000; // only a connection that lasted ends the back-off
const DELIVER_AGAIN = 15_000;
const NEAR_LIMIT = 0.9;
const STILL_AFTER = 8_000;
const NO_RECONNECT = { 4401: "signed-out", 4404: "unavailable", 4410: "withdrawn" };
const RETRYABLE = new Set(["stopped", "interrupted", "failed", "refused"]);

const $ = (id) => document.getElementById(id);
const page = $("chat");
const data = page.dataset;
const words = $("words").dataset;
const log = $("log");
const scroller = $("scroll");
const box = $("say");
const language = document.documentElement.lang || undefined;

const say = (key, values = {}) =>
  (words[key] || "").trim().replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
const number = (value, options) => new Intl.NumberFormat(language, options).format(value);
const announce = (text) => {
  $("announcer").textContent = text;
};

// --- What is kept on this device: the draft and what was not acknowledged ---------------------------------------------

// Each unsent message has a row of its own, so that two tabs never overwrite each other's.

const prefix = `rapport.chat.${data.session}.`;
const kept = {
  read(name) {
    try {
      return localStorage.getItem(prefix + name) ?? "";
    } catch {
      return "";
    }
  },
  write(name, text) {
    try {
      if (text) localStorage.setItem(prefix + name, text);
      else localStorage.removeItem(prefix + name);
    } catch {
      // storage is full or forbidden: what was written still lives in this page
    }
  },
  queue() {
    try {
      return Object.keys(localStorage)
        .filter((name) => name.startsWith(`${prefix}send.`))
        .map((name) => ({ key: name.slice(prefix.length + 5), text: localStorage.getItem(name) }));
    } catch {
      return [];
    }
  },
};

const state = {
  status: data.status,
  last: Number(data.lastSequence), // the highest sequence number held
  queue: kept.queue(), // sent but not acknowledged: {key, text}
  reply: null, // the running reply: {id, index, node, since}
  stopping: null, // id of a reply that shall stop, asked again after a reconnect
  retrying: null, // the article for which a new attempt was asked
  holdUntil: 0, // no sending before this moment (rate limit)
  over: false, // no more connecting: signed out, withdrawn, not found
};

// --- The log -----------------------------------------------------------------------------------------------------------

let stuck = true; // whether the reader is at the end, and the end stays in sight
const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
const toEnd = () => {
  scroller.scrollTop = scroller.scrollHeight;
  stuck = true;
  $("pill").hidden = true;
};
const grown = () => {
  if (stuck) toEnd();
  else $("pill").hidden = false;
};
scroller.addEventListener(
  "scroll",
  () => {
    stuck = atEnd();
    if (stuck) $("pill").hidden = true;
  },
  { passive: true },
);
new ResizeObserver(() => stuck && toEnd()).observe(scroller);
$("pill").addEventListener("click", () => {
  toEnd();
  rest();
});

// The same form as the server's: "4:36 a.m." in English, "04:36" in Spanish.
const clock = (() => {
  const options = { hour: language?.startsWith("en") ? "numeric" : "2-digit", minute: "2-digit" };
  const inZone = (timeZone) => new Intl.DateTimeFormat(language, { ...options, timeZone });
  const halves = { AM: "a.m.", PM: "p.m." };
  let times;
  try {
    times = inZone(data.timeZone);
  } catch {
    times = inZone(undefined);
  }
  const words = ({ type, value }) => (type === "dayPeriod" ? (halves[value.toUpperCase()] ?? value) : value);
  return { format: (moment) => times.formatToParts(moment).map(words).join("") };
})();
const localTimes = () => {
  for (const time of log.querySelectorAll("time")) time.textContent = clock.format(new Date(time.dateTime));
};
log.addEventListener("htmx:afterSettle", localTimes); // earlier messages were fetched
const part = (article, name) => article.querySelector(`.message-${name}`);
const byId = (id) => log.querySelector(`[data-id="${CSS.escape(id)}"]`);
const byKey = (key) => log.querySelector(`[data-client-key="${CSS.escape(key)}"]`);
const articles = () => [...log.querySelectorAll(".message")];

function draw(role, text = "", at = new Date()) {
  const shape = $(`message-${role}`) ?? $("message-system");
  const article = shape.content.firstElementChild.cloneNode(true);
  part(article, "text").textContent = text;
  const time = document.createElement("time");
  time.dateTime = at.toISOString();
  time.textContent = clock.format(at);
  part(article, "meta").append(time);
  $("opening")?.remove();
  return article;
}

/** Put an article where its number belongs; without a number it stays at the end. */
function place(article, sequence) {
  if (sequence) {
    article.dataset.sequence = sequence;
    state.last = Math.max(state.last, sequence);
  }
  const others = articles().filter((other) => other !== article);
  const next = sequence && others.find((other) => !other.dataset.sequence || Number(other.dataset.sequence) > sequence);
  if (next) {
    if (article.nextElementSibling !== next) next.before(article);
  } else if (log.lastElementChild !== article) log.append(article);
  grown();
}

function mark(article, status) {
  article.dataset.status = status;
  const note = part(article, "note");
  note.textContent = say(`note${status[0].toUpperCase()}${status.slice(1)}`);
  note.hidden = !note.textContent;
  article.hidden = status === "superseded" && !part(article, "text").textContent;
  const thinking = part(article, "thinking");
  if (thinking) thinking.hidden = status !== "streaming";
  if (status === "streaming") article.setAttribute("aria-busy", "true");
  else article.removeAttribute("aria-busy");
}

/** The reply before this one was cut and is being tried again: it stays, dimmed. */
function supersedeBefore(article) {
  const before = articles().filter((other) => other !== article).at(-1);
  const old = state.retrying ?? (before?.classList.contains("message-client") ? before : null);
  if (old && RETRYABLE.has(old.dataset.status)) mark(old, "superseded");
  state.retrying = null;
}

// --- What the server says ----------------------------------------------------------------------------------------------

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
  if (state.reply?.id !== id) state.reply = { id, article, index: 0, pending: "", since: Date.now() };
  if (state.stopping && state.stopping !== id) state.stopping = null;
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

const hear = {
  hello(event) {
    steadySince = Date.now();
    restarting = false;
    if (event.deadline) data.deadline = event.deadline;
    setStatus(event.status);
    transmit({ type: "resume", after: state.last });
    deliver();
    if (state.stopping) transmit({ type: "stop", message: state.stopping });
    online();
  },

  accepted(event) {
    accept(event.client_key, event.id, event.sequence);
  },

  message(event) {
    if (event.client_key && state.queue.some((item) => item.key === event.client_key)) {
      accept(event.client_key, event.id, event.sequence);
    }
    let article = byId(event.id);
    if (!article) {
      article = draw(event.role, event.text, new Date(event.created_at));
      article.dataset.id = event.id;
      if (event.role === "client") {
        supersedeBefore(article);
        if (event.text && event.status !== "superseded") announce(say("said", { text: event.text }));
      }
    } else if (part(article, "text").textContent !== event.text) part(article, "text").textContent = event.text;
    if (state.reply?.id === event.id) finish();
    mark(article, event.status);
    place(article, event.sequence);
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
    mark(article, event.status);
    place(article, event.sequence);
    if (fresh && event.usage) account(article, event.usage);
    if (fresh) announce([event.text && say("said", { text: event.text }), part(article, "note").textContent].join(" "));
    if (state.stopping === event.message) state.stopping = null;
    if (state.reply?.id === event.message) finish();
    refresh();
  },

  session(event) {
    setStatus(event.status);
  },

  notice(event) {
    $("notice-text").textContent = event.text;
    $("notice").hidden = false;
    announce(event.text);
  },

  error(event) {
    if (event.retry_after) state.holdUntil = Date.now() + event.retry_after * 1000;
    if (event.client_key) giveBack(event.client_key);
    else {
      freeRetry();
      state.stopping = null;
    }
    if (event.code === "session_paused") setStatus("paused");
    if (event.code === "session_ended") setStatus("completed");
    note(event.detail || say("failedSend"));
    refresh();
  },

  pong() {},
};

function freeRetry() {
  state.retrying?.querySelector("[data-retry]")?.removeAttribute("disabled");
  state.retrying = null;
}

function accept(key, id, sequence) {
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
  mark(article, "complete");
  tick(article);
  place(article, sequence);
  note("");
  refresh();
}

function unqueue(key) {
  state.queue = state.queue.filter((item) => item.key !== key);
  kept.write(`send.${key}`, "");
}

function tick(article) {
  const meta = part(article, "meta");
  if (meta.querySelector(".saved")) return;
  const saved = document.createElement("span");
  saved.className = "saved";
  saved.textContent = ` · ${say("saved")}`;
  meta.append(saved);
}

/** A refused text goes back into the box, before whatever was written since. */
function giveBack(key) {
  const item = state.queue.find((one) => one.key === key);
  if (!item) return;
  unqueue(key);
  byKey(key)?.remove();
  box.value = box.value.trim() ? `${item.text}\n\n${box.value}` : item.text;
  written();
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

/** The same form as the server's `usd` filter. */
function dollars(micro) {
  if (!micro) return "$0";
  if (micro < 100) return "< $0.0001";
  const digits = micro < 999_950 ? 4 : 2;
  const amount = (micro / 1e6).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `$${amount}`;
}

function account(article, usage) {
  if (!data.showCost) return;
  const tokens = (usage.input_tokens || 0) + (usage.output_tokens || 0);
  const micro = usage.cost_microusd || 0;
  const since = state.reply?.id === article.dataset.id ? state.reply.since : Date.now();
  const seconds = number((Date.now() - since) / 1000, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const cost = document.createElement("span");
  cost.className = "message-cost";
  cost.textContent = ` · ${say("cost", { tokens, cost: dollars(micro), seconds })}`;
  part(article, "meta").append(cost);
  data.tokens = Number(data.tokens) + tokens;
  data.cost = Number(data.cost) + micro;
  $("total-tokens").textContent = data.tokens;
  $("total-cost").textContent = dollars(Number(data.cost));
}

// --- The connection ----------------------------------------------------------------------------------------------------

let socket = null;
let ready = false; // hello was heard
let failures = 0;
let steadySince = 0;
let restarting = false;
let nextTry = 0; // moment of the next attempt, 0 for none planned
let lostAt = 0;
let pongTimer = 0;

function transmit(event) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
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
    if (event.type === "hello") ready = true;
    if (Object.hasOwn(hear, event.type)) hear[event.type](event);
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
  healing = false;
  lostAt ||= Date.now();
  if (steadySince && Date.now() - steadySince > STEADY_AFTER) failures = 0;
  steadySince = 0;
  freeRetry(); // if it was accepted, the resume will show the new attempt
  if (code in NO_RECONNECT) {
    state.over = true;
    state.reply = null;
    for (const article of log.querySelectorAll('[data-status="streaming"]')) mark(article, "interrupted");
    show(NO_RECONNECT[code]);
  } else {
    restarting = code === 1012;
    const wait = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** failures);
    failures += 1;
    nextTry = Date.now() + wait * (0.5 + Math.random() / 2);
  }
  refresh();
}

function online() {
  if (lostAt && !$("band").hidden) announce(say("back"));
  lostAt = 0;
  refresh();
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
function band() {
  const away = lostAt && !state.over && state.status in OPEN && Date.now() - lostAt > QUIET_FOR;
  $("band").hidden = !away;
  if (!away) {
    bandSaid = false;
    return;
  }
  const seconds = Math.max(1, Math.ceil((nextTry - Date.now()) / 1000));
  let text = say("connecting");
  if (nextTry) text = say(restarting ? "restarting" : "lost", { seconds });
  if ($("band-text").textContent !== text) $("band-text").textContent = text;
  $("try-now").disabled = !nextTry;
  if (!bandSaid) announce(say("gone")); // once, not at every second
  bandSaid = true;
}

// --- The composer ------------------------------------------------------------------------------------------------------

const OPEN = { active: true, paused: true };
const length = (text) => [...text].length; // the server counts characters, not UTF-16 units
const limit = Number(data.maxLength);
let noteKind = "";

function note(text, kind = "said") {
  noteKind = text ? kind : "";
  const full = [text, text && holding() && say("hold", { seconds: holding() })].filter(Boolean).join(" ");
  heldNote = text;
  if ($("composer-note").textContent !== full) $("composer-note").textContent = full;
}
let heldNote = "";
const holding = () => Math.max(0, Math.ceil((state.holdUntil - Date.now()) / 1000));

/** Why what is in the box cannot go now: a key of #words, "empty", "over", "closed", or "" when it can. */
function obstacle() {
  if (state.over || state.status !== "active") return "closed";
  if (!box.value.trim()) return "empty";
  if (length(box.value.trim()) > limit) return "over";
  if (state.reply || state.retrying) return "busy";
  if (state.queue.length) return "pending";
  if (holding()) return "hold";
  return "";
}

function refresh() {
  const running = Boolean(state.reply);
  $("stop").hidden = !running;
  $("send").hidden = running;
  const stopping = running && state.stopping === state.reply.id;
  $("stop").disabled = stopping;
  $("send").setAttribute("aria-disabled", String(obstacle() !== ""));
  if (noteKind === "wait" && !["busy", "pending"].includes(obstacle())) note("");
  for (const { key, text } of state.queue) {
    let article = byKey(key);
    if (!article) {
      article = draw("student", text);
      article.dataset.clientKey = key;
      article.dataset.status = "sending";
      place(article, 0);
    }
    const waiting = !ready && lostAt && Date.now() - lostAt > QUIET_FOR;
    const line = say(waiting ? "waiting" : "sending");
    const note = part(article, "note");
    note.hidden = false;
    if (note.textContent !== line) note.textContent = line;
  }
  band();
}

function written() {
  kept.write("draft", box.value);
  if (!CSS.supports("field-sizing", "content")) {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }
  const count = length(box.value.trim());
  const values = { count: number(count), limit: number(limit), over: number(count - limit) };
  $("counter").classList.toggle("is-over", count > limit);
  $("counter").textContent = count > limit ? say("over", values) : count > limit * NEAR_LIMIT ? say("count", values) : "";
  $("end-unsent").hidden = !box.value.trim();
  refresh();
}

const uuid = () => {
  // crypto.randomUUID exists on https and localhost only; a school's test server may be neither
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return [...bytes].map((byte, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
};

function send() {
  const reason = obstacle();
  if (reason === "busy" || reason === "pending") note(say(reason), "wait");
  if (reason) return;
  const item = { key: uuid(), text: box.value.trim() };
  state.queue.push(item);
  kept.write(`send.${item.key}`, item.text); // before the box is emptied: at no moment is the text nowhere
  box.value = "";
  note("");
  stuck = true;
  written();
  deliver();
}

/** Send what is not acknowledged; the same key makes it harmless to say it again. */
function deliver() {
  if (!ready) return;
  deliveredAt = Date.now();
  for (const { key, text } of state.queue) transmit({ type: "send", client_key: key, text });
}
let deliveredAt = 0;

/** Bring the focus back to the box, except where that would open a phone's keyboard unasked. */
const rest = () => matchMedia("(pointer: fine)").matches && box.focus({ preventScroll: true });

box.addEventListener("input", written);
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
  box.focus({ preventScroll: true });
});
$("stop").addEventListener("click", () => {
  if (!state.reply) return;
  state.stopping = state.reply.id;
  transmit({ type: "stop", message: state.stopping });
  rest();
  refresh();
});
log.addEventListener("click", (event) => {
  const button = event.target.closest("[data-retry]");
  if (!button || !ready || state.reply || state.retrying) return;
  state.retrying = button.closest(".message");
  button.disabled = true;
  note("");
  transmit({ type: "retry", message: state.retrying.dataset.id });
  rest();
});
$("notice-close").addEventListener("click", () => {
  $("notice").hidden = true;
  rest();
});

// --- The session's state -----------------------------------------------------------------------------------------------

function setStatus(status) {
  if (state.over) return;
  const changed = state.status !== status;
  state.status = status;
  if (changed) show(status === "active" ? "" : status);
  refresh();
}

/** Show one panel in the composer's place, or the composer itself for "". Unsent text stays readable. */
function show(name) {
  const at = document.activeElement;
  const inside = $("composer").contains(at) || $("composer-foot").contains(at);
  for (const panel of page.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== name;
  const open = name === "";
  $("composer").hidden = !open && !box.value;
  $("composer").classList.toggle("is-closed", !open);
  box.readOnly = !open;
  $("composer-foot").hidden = !open;
  $("end-button").hidden = !open && name !== "paused";
  if (!open) note("");
  const panel = page.querySelector(`[data-panel="${name}"]`);
  if (panel) announce(panel.querySelector("p").textContent);
  if (inside) (panel ?? box).focus({ preventScroll: true });
  grown();
}

// --- Time --------------------------------------------------------------------------------------------------------------

const skew = Date.parse(data.now) - Date.now(); // the server's clock counts
const stillSince = () => state.reply && Date.now() - state.reply.since > STILL_AFTER;

function second() {
  const now = Date.now() + skew;
  const left = data.deadline ? Math.ceil((Date.parse(data.deadline) - now) / 1000) : null;
  let text = say("minutes", { minutes: number(Math.max(0, Math.floor((now - Date.parse(data.started)) / 60_000))) });
  if (left !== null && left <= 0) text = say("timeUp");
  else if (left !== null && left < 300) {
    text = say("secondsLeft", { clock: `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` });
  } else if (left !== null) text = say("minutesLeft", { minutes: number(Math.ceil(left / 60)) });
  $("timer").hidden = !(state.status in OPEN);
  $("timer").classList.toggle("is-short", left !== null && left < 300);
  if ($("timer-text").textContent !== text) $("timer-text").textContent = text;

  if (nextTry && Date.now() >= nextTry) connect();
  const thinking = state.reply && part(state.reply.article, "thinking")?.firstChild;
  if (thinking) {
    const line = say(stillSince() ? "still" : "thinking");
    if (thinking.textContent !== line) thinking.textContent = line;
  }
  if (state.queue.length && Date.now() - deliveredAt > DELIVER_AGAIN) deliver();
  if (state.holdUntil) {
    if (holding()) note(heldNote);
    else {
      state.holdUntil = 0;
      note("");
      if (box.value.trim()) announce(say("free"));
    }
  }
  refresh();
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
  show(state.status);
  page.querySelector(`[data-panel="${state.status}"] .button-primary`)?.focus();
}
written();
localTimes();
second();
setInterval(second, 500);
toEnd();
if (state.status === "active") rest();
connect();
