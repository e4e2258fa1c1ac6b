// What is known of the conversation, and what is kept on this device: the draft and what was not acknowledged.

import { data, following } from "./page.js";

const prefix = `rapport.chat.${following ? "follow." : ""}${data.session}.`;

/** Each unsent message has a row of its own, so that two tabs never overwrite each other's. */
export const kept = {
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

export const state = {
  status: data.status,
  held: Boolean(data.held), // a teacher has paused it
  left: false, // the client has walked out
  last: Number(data.lastSequence), // the highest sequence number held
  queue: kept.queue(), // sent but not acknowledged: {key, text}
  reply: null, // the running reply: {id, article, index, pending, since, line}
  stopping: null, // id of a reply that shall stop, asked again after a reconnect
  retrying: null, // the article for which a new attempt was asked
  exhausted: Boolean(data.exhausted), // the budget covers no further reply
  over: false, // no more connecting: signed out, withdrawn, not found
};

export const isOpen = () => state.status === "active" || state.status === "paused";

export function unqueue(key) {
  state.queue = state.queue.filter((item) => item.key !== key);
  kept.write(`send.${key}`, "");
}
