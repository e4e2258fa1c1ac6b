// The way to flag a reply, offered once there is something to flag: a page of its own, at the reply's address.

import { data } from "./page.js";

export function offerFlag(article, status) {
  const line = article.querySelector(".message-flags");
  const link = line?.querySelector("a.message-flag");
  if (!link || !article.dataset.id) return;
  // The page gives the address with the session's id in the place of the reply's.
  link.href = data.flagPath.replace(data.session, article.dataset.id);
  line.hidden = status === "streaming" || !article.querySelector(".message-text").textContent;
}
