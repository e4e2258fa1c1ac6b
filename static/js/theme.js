// Sets the chosen theme before the first paint, and says that scripts run. Loaded in the head, without defer, for that reason.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const stored = () => {
    try {
      return localStorage.getItem("rapport.theme") || "auto";
    } catch {
      return "auto"; // storage may be forbidden; the system's choice still holds
    }
  };
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
    }
  };
  show(stored());
  document.addEventListener("DOMContentLoaded", () => show(stored()));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    try {
      localStorage.setItem("rapport.theme", button.dataset.themeChoice);
    } catch {
      // the choice then holds for this page only
    }
    show(button.dataset.themeChoice);
  });
  addEventListener("storage", (event) => {
    if (event.key === "rapport.theme") show(stored());
  });
})();
