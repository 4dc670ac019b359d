// A plain script in <head>, before the first paint: a chosen theme must not flash. The button with
// data-theme-switch goes through auto (the system's), light and dark; what is drawn listens to the event "themechange".

(() => {
  const NAMES = ["auto", "light", "dark"];
  const root = document.documentElement;

  function chosen() {
    try {
      const name = localStorage.getItem("foveate-theme");
      return NAMES.includes(name) ? name : "auto";
    } catch {
      return "auto"; // storage is switched off
    }
  }

  function put(name) {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    const button = document.querySelector("[data-theme-switch]");
    if (button) button.textContent = `Theme: ${name}`;
    window.dispatchEvent(new Event("themechange"));
  }

  function next() {
    const name = NAMES[(NAMES.indexOf(root.dataset.theme ?? "auto") + 1) % NAMES.length];
    try {
      localStorage.setItem("foveate-theme", name);
    } catch {
      // it is kept for this page only
    }
    put(name);
  }

  put(chosen());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    window.dispatchEvent(new Event("themechange")),
  );
  document.addEventListener("DOMContentLoaded", () => {
    put(root.dataset.theme ?? "auto");
    document.querySelector("[data-theme-switch]")?.addEventListener("click", next);
  });
})();
