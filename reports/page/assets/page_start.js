// Everything is set going, once all scripts are there.
recallView();
startGate();
start();
startKeys();
if (frontSlot()) showBounds();
startTheme();
for (const wide of document.querySelectorAll(".scroll:not([tabindex])")) { // tables that a narrow screen scrolls sideways
  const title = wide.closest("section, aside")?.querySelector("h2");
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", `${title ? title.textContent.trim() : "a"} table`);
}
ROOT.dataset.ready = "yes";
