// Dark or light: as the system says, until a reader chooses; the choice is kept by the browser.
const ROOT = document.documentElement;
const isDark = () => (ROOT.dataset.theme ? ROOT.dataset.theme === "dark" : darkScreen.matches);

function startTheme() {
  const button = byId("theme");
  const name = () => { button.textContent = isDark() ? "☀ light" : "☾ dark"; button.setAttribute("aria-label", `switch to ${isDark() ? "light" : "dark"} colours`); };
  button.hidden = false;
  button.addEventListener("click", () => {
    ROOT.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("automl.theme", ROOT.dataset.theme); } catch { /* a file may have no storage: until the page is closed */ }
    name();
    drawAll();
    if (frontSlot()) recallZoom(frontSlot());
  });
  darkScreen.addEventListener("change", name);
  name();
}
