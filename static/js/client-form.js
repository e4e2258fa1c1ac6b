// The form of a client: another fact without a round trip. Without this script the same button sends the draft.
(() => {
  const form = document.querySelector("[data-client-form]");
  const rows = form?.querySelector("[data-fact-rows]");
  const blank = form?.querySelector("[data-fact-blank]");
  const total = form?.elements["facts-TOTAL_FORMS"];
  const most = Number(form?.elements["facts-MAX_NUM_FORMS"]?.value);
  if (!rows || !blank || !total) return;

  form.querySelector("[data-adds-fact]").addEventListener("click", (event) => {
    const index = Number(total.value);
    if (index >= most) return; // the server names the limit
    event.preventDefault();
    const row = document.createElement("template");
    row.innerHTML = blank.innerHTML.replaceAll("__prefix__", index).replaceAll("__number__", index + 1);
    rows.append(row.content);
    total.value = index + 1;
    rows.lastElementChild.querySelector("input").focus();
  });

  // Leaving with words that were not saved asks once.
  let changed = false;
  form.addEventListener("input", () => (changed = true));
  form.addEventListener("submit", () => (changed = false));
  addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
})();
