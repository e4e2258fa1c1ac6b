// Small manners of every page: menus close, dialogs open, filters submit themselves, sign-out forgets drafts.
(() => {
  const openMenus = () => document.querySelectorAll("details.menu[open]");

  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;

    const opener = event.target.closest("[data-opens-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opensDialog);
      if (dialog?.showModal) {
        event.preventDefault();
        dialog.showModal();
      }
    }
    if (event.target.closest("[data-closes-dialog]")) event.target.closest("dialog")?.close();

    const copier = event.target.closest("[data-copies]");
    if (copier) copy(copier);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // <select data-submits> and radios send their form at once; without scripts the form's button does.
  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-submits]")) event.target.form?.requestSubmit();
  });

  // A second press of the same button must not send a form twice; going back must not leave it dead.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog" || form.hasAttribute("hx-get") || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) event.preventDefault();
    if (form.method === "post") form.dataset.sent = "yes";
    if (form.hasAttribute("data-forgets-drafts")) forgetDrafts();
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // After a refused form, the keyboard goes on at what is wrong: the summary, or the first field that is.
  const wrong = document.querySelector("[data-error-summary]") ?? document.querySelector('[aria-invalid="true"]');
  wrong?.focus();

  // Where the places of the top bar scroll, the one that is open is in sight.
  const here = document.querySelector(".places [aria-current]");
  if (here) {
    const row = here.parentElement.getBoundingClientRect();
    const place = here.getBoundingClientRect();
    here.parentElement.scrollLeft += (place.left + place.right - row.left - row.right) / 2;
  }

  function forgetDrafts() {
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith("rapport.chat.")) localStorage.removeItem(key);
    } catch {
      // nothing was stored then
    }
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
      button.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(source); // the person can still copy by hand
    }
  }
})();
