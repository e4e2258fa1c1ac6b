// Private words from a teacher: shown above the composer until they are closed, and kept beneath "About" to read again.

import { rest } from "./composer.js";
import { transmit } from "./connection.js";
import { $, announce, clock, say } from "./page.js";

const heard = new Set(); // read out in this page
let unseen = []; // arrived while the page was not in sight

/** A nudge comes again until it is said to be shown, so that a lost connection loses none. */
export function nudge(event) {
  if (!heard.has(event.id)) {
    heard.add(event.id);
    const from = say("nudge", { name: event.from });
    if (!known("nudge-news", event.id)) putNews(event, from);
    if (!known("nudges-told", event.id)) keep(event);
    $("nudge-box").hidden = false;
    announce(`${from} ${event.text}`);
  }
  unseen.push(event.id);
  tellSeen();
}

const known = (list, id) => $(list).querySelector(`[data-nudge="${CSS.escape(id)}"]`);

function putNews(event, from) {
  const news = $("nudge-one").content.firstElementChild.cloneNode(true);
  news.dataset.nudge = event.id;
  news.querySelector("strong").textContent = from;
  news.querySelector("span").textContent = event.text;
  $("nudge-news").append(news);
}

function keep(event) {
  const item = document.createElement("li");
  item.dataset.nudge = event.id;
  const text = document.createElement("span");
  text.dir = "auto";
  text.textContent = event.text;
  const meta = document.createElement("span");
  meta.className = "small faint";
  meta.textContent = `${event.from} · ${clock(new Date(event.sent_at))}`;
  item.append(text, " ", meta);
  $("nudges-told").append(item);
  $("nudges").hidden = false;
}

function tellSeen() {
  if (document.visibilityState !== "visible") return;
  for (const id of unseen) transmit({ type: "shown", notice: id });
  unseen = [];
}

document.addEventListener("visibilitychange", tellSeen);
$("nudge-close")?.addEventListener("click", () => {
  $("nudge-box").hidden = true;
  $("nudge-news").replaceChildren();
  rest();
});
