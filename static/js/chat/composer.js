// The composer: the box and its draft, what stands in the way of sending and when it clears, sending, Stop and Retry.

import { away, band, ready, transmit } from "./connection.js";
import { byKey, draw, log, part, place, toEnd } from "./log.js";
import { $, announce, data, number, say, wait, write } from "./page.js";
import { kept, state, unqueue } from "./state.js";

const DELIVER_AGAIN = 15_000;
const NEAR_LIMIT = 0.9;

export const box = $("say");
const length = (text) => [...text].length; // the server counts characters, not UTF-16 units
const limit = Number(data.maxLength);

/** Bring the focus back to the box, except where that would open a phone's keyboard unasked. */
export const rest = () => matchMedia("(pointer: fine)").matches && box.focus({ preventScroll: true });

// --- The line above the box --------------------------------------------------------------------------------------------

let noteText = "";
let noteKind = "";

/** Say something above the box, once; "" takes it away. */
export function note(text, kind = "said") {
  noteText = text;
  noteKind = text ? kind : "";
  drawNote();
  if (text) announce($("composer-note").textContent);
}

/** The line as it stands: while sending has to wait, it counts down. */
function drawNote() {
  const seconds = holding();
  let text = noteText;
  if (text && seconds) {
    const asked = wait(hold.seconds);
    text = text.includes(asked) ? text.replace(asked, wait(seconds)) : `${text} ${say("hold", { wait: wait(seconds) })}`;
  }
  write($("composer-note"), text);
}

// --- Waiting for a limit, and the budget -------------------------------------------------------------------------------

let hold = null; // no sending before this moment: {until, seconds as asked for}
const holding = () => (hold ? Math.max(0, Math.ceil((hold.until - Date.now()) / 1000)) : 0);

/** Nothing can be sent for so many seconds; then Send comes back by itself. */
export function holdFor(seconds) {
  hold = { until: Date.now() + seconds * 1000, seconds };
}

function countDown() {
  if (!hold) return;
  if (holding()) return drawNote();
  hold = null;
  note("");
  if (box.value.trim()) announce(say("free"));
}

/** What the budget still covers, above the box; "" when there is nothing to say. */
export function allow(text, exhausted = false) {
  const news = text && text !== $("allowance-text").textContent;
  state.exhausted = exhausted;
  write($("allowance-text"), text);
  $("allowance").hidden = !text;
  $("allowance-again").hidden = !exhausted;
  if (news) announce(text);
  refresh();
}

// --- What stands in the way --------------------------------------------------------------------------------------------

/** Why nothing can be sent now, whatever is in the box: "closed", "busy", "pending", "exhausted", "hold" or "". */
function barrier() {
  if (state.over || state.status !== "active") return "closed";
  if (state.reply || state.retrying) return "busy";
  if (state.queue.length) return "pending";
  if (state.exhausted) return "exhausted";
  if (holding()) return "hold";
  return "";
}

/** Why what is in the box cannot go now: "empty", "over", or what stands in the way of everything. */
function obstacle() {
  if (!box.value.trim()) return "empty";
  if (length(box.value.trim()) > limit) return "over";
  return barrier();
}

/** Say again why it cannot go, for those who ask for it all the same. */
function explain(reason) {
  if (reason === "busy" || reason === "pending") note(say(reason), "wait");
  if (reason === "exhausted") announce($("allowance-text").textContent);
  if (reason === "hold") announce($("composer-note").textContent);
}

export function refresh() {
  const running = Boolean(state.reply);
  $("stop").hidden = !running;
  $("send").hidden = running;
  $("stop").disabled = running && state.stopping === state.reply.id;
  $("send").setAttribute("aria-disabled", String(obstacle() !== ""));
  const retry = log.lastElementChild?.querySelector("[data-retry]");
  retry?.setAttribute("aria-disabled", String(barrier() !== ""));
  if (noteKind === "wait" && !["busy", "pending"].includes(obstacle())) note("");
  for (const { key, text } of state.queue) {
    let article = byKey(key);
    if (!article) {
      article = draw("student", text);
      article.dataset.clientKey = key;
      article.dataset.status = "sending";
      place(article, 0);
    }
    part(article, "note").hidden = false;
    write(part(article, "note"), say(away() ? "waiting" : "sending"));
  }
  band();
}

/** What changed by time alone. */
export function tickComposer() {
  if (state.queue.length && Date.now() - deliveredAt > DELIVER_AGAIN) deliver();
  countDown();
  refresh();
}

// --- The box -----------------------------------------------------------------------------------------------------------

export function written() {
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

/** A refused text goes back into the box, before whatever was written since. */
export function giveBack(key) {
  const item = state.queue.find((one) => one.key === key);
  if (!item) return;
  unqueue(key);
  byKey(key)?.remove();
  box.value = box.value.trim() ? `${item.text}\n\n${box.value}` : item.text;
  written();
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
  if (reason) return explain(reason);
  const item = { key: uuid(), text: box.value.trim() };
  state.queue.push(item);
  kept.write(`send.${item.key}`, item.text); // before the box is emptied: at no moment is the text nowhere
  box.value = "";
  note("");
  toEnd();
  written();
  deliver();
}

/** Send what is not acknowledged; the same key makes it harmless to say it again. */
export function deliver() {
  if (!ready) return;
  deliveredAt = Date.now();
  for (const { key, text } of state.queue) transmit({ type: "send", client_key: key, text });
}
let deliveredAt = 0;

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
$("pill").addEventListener("click", () => {
  toEnd();
  rest();
});

// --- A new attempt -----------------------------------------------------------------------------------------------------

log.addEventListener("click", (event) => {
  const button = event.target.closest("[data-retry]");
  if (!button || !ready) return;
  const reason = barrier();
  if (reason === "exhausted" || reason === "hold") explain(reason);
  if (reason) return;
  state.retrying = button.closest(".message");
  note("");
  transmit({ type: "retry", message: state.retrying.dataset.id });
  rest();
  refresh();
});

/** What was asked for did not happen, or was lost on the way: it may be asked again. */
export function freeRetry() {
  state.retrying = null;
  refresh();
}
