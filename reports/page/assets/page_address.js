// What a reader has chosen stands in the address, so that a link opens the same view.
const recalled = (name) => new URLSearchParams(location.search).get(name);

function keep(name, value) {
  const asked = new URLSearchParams(location.search);
  if (value === null || value === undefined || value === "") asked.delete(name); else asked.set(name, value);
  const query = asked.size ? `?${asked}` : "";
  if (query === location.search) return;
  try { history.replaceState(null, "", `${location.pathname}${query}${location.hash}`); } catch { /* a browser may refuse it to a file: the view is there all the same */ }
}

function keepTable() {
  const column = columns[view.column];
  keep("show", view.filter === view.first.filter ? null : view.filter);
  keep("q", view.query);
  keep("sort", column && (view.column !== view.first.column || view.down !== view.first.down) ? `${view.down ? "-" : ""}${column.title}` : null);
}

function recallTable() {
  view.first = { filter: view.filter, column: view.column, down: view.down }; // what stands in no address
  const [shown, query, sort] = ["show", "q", "sort"].map(recalled);
  if (FILTERS.some(([key]) => key === shown)) view.filter = shown;
  if (query) { view.query = query; byId("query").value = query; }
  const title = (sort || "").replace(/^-/, "");
  const column = columns.findIndex((one) => one.title === title);
  if (sort && column >= 0) Object.assign(view, { column, down: sort.startsWith("-") });
}

function recallView() {
  const button = document.querySelector(`.switch[data-slot="front"] button[data-figure="front_${CSS.escape(recalled("view") || "")}"]`);
  if (!button) return;
  for (const other of button.parentNode.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
}
