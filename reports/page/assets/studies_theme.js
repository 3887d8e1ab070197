// Dark or light on the pages of several studies: the same choice, kept by the browser, as on a study's own page.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const name = () => { button.textContent = isDark() ? "☀ light" : "☾ dark"; button.setAttribute("aria-label", `switch to ${isDark() ? "light" : "dark"} colours`); };
  try { const kept = localStorage.getItem("automl.theme"); if (kept) root.dataset.theme = kept; } catch { /* a file may have no storage */ }
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("automl.theme", root.dataset.theme); } catch { /* until the page is closed */ }
    name();
  });
  system.addEventListener("change", name);
  name();
})();
