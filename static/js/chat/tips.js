// Tips while one talks: what each message did, beneath it. They can be folded away, which this device remembers.

import { byId, grown, log, part } from "./log.js";
import { $, announce, say, write } from "./page.js";

const KEPT = "rapport.tips";
const button = $("tips-button");

let hidden = false;
try {
  hidden = localStorage.getItem(KEPT) === "hidden";
} catch {
  // storage is forbidden: they are shown
}

function draw() {
  log.classList.toggle("is-without-tips", hidden);
  if (button) write(button, say(hidden ? "showTips" : "hideTips"));
  grown();
}

/** Put a tip beneath the message that it is about; one that is not here any more needs none. */
export function tip(id, text, { aloud = false } = {}) {
  const place = byId(id) && part(byId(id), "tip");
  if (!place) return;
  write(place, text);
  place.hidden = false;
  if (aloud && !hidden) announce(say("tip", { text }));
  grown();
}

button?.addEventListener("click", () => {
  hidden = !hidden;
  try {
    localStorage.setItem(KEPT, hidden ? "hidden" : "");
  } catch {
    // it holds for this page
  }
  draw();
});
draw();
