// An attempt at an assignment: how many exchanges there have been of those asked for, and the last minutes.

import { log } from "./log.js";
import { $, announce, data, number, page, say, write } from "./page.js";

const least = Number(data.least);
const before = Number(data.exchanges);
const from = Number(data.lastSequence); // what came later is counted here, as the server counts it
const WARNINGS = [
  { seconds: 60, words: "lastMinute" },
  { seconds: 300, words: "lastMinutes" },
];

const counts = (article) =>
  ["complete", "truncated"].includes(article.dataset.status) && Number(article.dataset.sequence) > from;

/** Show how far it is, and what ending it now would mean. */
export function countExchanges() {
  if (!least || !$("exchanges")) return;
  const done = before + [...log.querySelectorAll(".message-client")].filter(counts).length;
  write($("exchanges"), say(done < least ? "exchanges" : "enough", { count: number(done), least: number(least) }));
  const short = page.querySelector("#end-short");
  if (short) {
    short.hidden = done >= least;
    write(short, say("short", { count: number(done), least: number(least) }));
  }
}

let told = ""; // a warning is said once, and again only when more time was given meanwhile

/** Warn while little time is left (`left` in seconds, null where there is no end): once at 5 minutes, once at 1. */
export function warn(left) {
  const warning = left === null || left <= 0 ? null : WARNINGS.find(({ seconds }) => left <= seconds);
  const words = warning?.words ?? "";
  if (words === told) return;
  told = words;
  write($("ending-text"), say(words));
  $("ending").hidden = !words;
  if (words) announce(say(words));
}
