// The log: articles drawn from the page's templates, in the order of their numbers, and what of them is in sight.
// Every text is set as text, never as markup.

import { offerFlag } from "./flag.js";
import { $, clock, data, dollars, number, say } from "./page.js";
import { state } from "./state.js";

const RETRYABLE = new Set(["stopped", "interrupted", "failed", "refused"]);

export const log = $("log");
const scroller = $("scroll");

// --- In sight ----------------------------------------------------------------------------------------------------------

let stuck = true; // whether the reader is at the end, and the end stays in sight
const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
/** The end in sight; of a note that is last its beginning, also where it is longer than the screen. */
export const toEnd = () => {
  const last = log.lastElementChild;
  if (last?.classList.contains("message-system")) {
    scroller.scrollTop += last.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  } else scroller.scrollTop = scroller.scrollHeight;
  stuck = true;
  $("pill").hidden = true;
};
export const grown = () => {
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

export const localTimes = () => {
  for (const time of log.querySelectorAll("time")) time.textContent = clock(new Date(time.dateTime));
};
log.addEventListener("htmx:afterSettle", localTimes); // earlier messages were fetched

// --- Articles ----------------------------------------------------------------------------------------------------------

export const part = (article, name) => article.querySelector(`.message-${name}`);
export const byId = (id) => log.querySelector(`[data-id="${CSS.escape(id)}"]`);
export const byKey = (key) => log.querySelector(`[data-client-key="${CSS.escape(key)}"]`);
const articles = () => [...log.querySelectorAll(".message")];

export function draw(role, text = "", at = new Date()) {
  const shape = $(`message-${role}`) ?? $("message-system");
  const article = shape.content.firstElementChild.cloneNode(true);
  part(article, "text").textContent = text;
  const time = document.createElement("time");
  time.dateTime = at.toISOString();
  time.textContent = clock(at);
  part(article, "meta").append(time);
  $("opening")?.remove();
  return article;
}

/** Put an article where its number belongs; without a number it stays at the end. */
export function place(article, sequence) {
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

/** How a message stands; `words` say why, where the server says it better than the status does. */
export function mark(article, status, words = "") {
  article.dataset.status = status;
  const note = part(article, "note");
  note.textContent = words || say(`note${status[0].toUpperCase()}${status.slice(1)}`);
  note.hidden = !note.textContent;
  offerFlag(article, status);
  article.hidden = status === "superseded" && !part(article, "text").textContent;
  const thinking = part(article, "thinking");
  if (thinking) thinking.hidden = status !== "streaming";
  if (status === "streaming") article.setAttribute("aria-busy", "true");
  else article.removeAttribute("aria-busy");
}

/** The reply before this one was cut and is being tried again: it stays, dimmed. */
export function supersedeBefore(article) {
  const before = articles().filter((other) => other !== article).at(-1);
  const old = state.retrying ?? (before?.classList.contains("message-client") ? before : null);
  if (old && RETRYABLE.has(old.dataset.status)) mark(old, "superseded");
  state.retrying = null;
}

export function tick(article) {
  const meta = part(article, "meta");
  if (meta.querySelector(".saved")) return;
  const saved = document.createElement("span");
  saved.className = "saved";
  saved.textContent = ` · ${say("saved")}`;
  meta.append(saved);
}

/** What a reply used and took, for those who may see it. */
export function account(article, usage) {
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
