// What the page gives to the chat: its elements, its data, its words (#words, translated), and how values are written.

import { clockIn } from "./clock.js";

export const $ = (id) => document.getElementById(id);
export const page = $("chat");
export const data = page.dataset;
export const following = Boolean(data.following); // a teacher reads along; there is nothing to write with
const words = $("words").dataset;
const language = document.documentElement.lang || undefined;

export const say = (key, values = {}) =>
  (words[key] || "").trim().replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);

let announcedAt = 0;

/** Have it read out; what comes in the same moment is read with what came before, not instead of it. */
export function announce(text) {
  const before = $("announcer").textContent;
  const together = Date.now() - announcedAt < 1_000 && !before.includes(text);
  $("announcer").textContent = together ? `${before} ${text}` : text;
  announcedAt = Date.now();
}

/** Write only what changed, so that nothing flickers and no reader hears it twice. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const clock = clockIn(data.timeZone);

/** The same form as the server's `wait_words`: seconds up to a minute and a half, then minutes, rounded up. */
export function wait(seconds) {
  const long = { style: "unit", unitDisplay: "long" };
  return seconds <= 90
    ? number(seconds, { ...long, unit: "second" })
    : number(Math.ceil(seconds / 60), { ...long, unit: "minute" });
}

/** The same form as the server's `usd` filter. */
export function dollars(micro) {
  if (!micro) return "$0";
  if (micro < 100) return "< $0.0001";
  const digits = micro < 999_950 ? 4 : 2;
  const amount = (micro / 1e6).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `$${amount}`;
}
