// What is shown, in the address: a link opens the same view. The device and the trial stand there already.
const addressGet = (name) => new URLSearchParams(location.search).get(name);
function addressSet(name, value) {
  const words = new URLSearchParams(location.search);
  if (value === null || value === undefined || value === "") words.delete(name); else words.set(name, value);
  const query = words.toString();
  if (query === location.search.slice(1)) return;
  try {
    history.replaceState(history.state, "", `${location.pathname}${query && "?"}${query}${location.hash}`);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // a browser that lets no file's address change
  }
}

(() => {
  const front = () => SLOTS.get("front");
  const shortened = (figure) => figure && figure.replace(/^front_/, "");
  const sorting = () => `${view.down ? "-" : ""}${columns[view.column].title}`;
  const usual = { filter: view.filter, sort: sorting(), view: shortened(front() && front().figure) };
  const unlessUsual = (name, value) => (value === usual[name] ? null : value);

  function follow() {
    const filter = addressGet("filter");
    if (FILTERS.some(([key]) => key === filter)) view.filter = filter;
    view.query = addressGet("q") || "";
    byId("query").value = view.query;
    const sort = addressGet("sort") || "";
    const column = columns.findIndex((one) => one.title === sort.replace(/^-/, ""));
    if (column >= 0) Object.assign(view, { column, down: sort.startsWith("-") });
    const page = Number(addressGet("page"));
    if (Number.isInteger(page) && page > 1) view.page = page - 1;
    drawChips();
    drawTable();
    const slot = front();
    if (!slot) return;
    const figure = `front_${addressGet("view")}`;
    const zoom = (addressGet("zoom") || "").split(",").map(Number);
    const group = document.querySelector('.switch[data-slot="front"]');
    const button = group && [...group.querySelectorAll("button")].find((one) => one.dataset.figure === figure);
    if (zoom.length === 4 && zoom.every(Number.isFinite)) slot.zooms[button ? figure : slot.figure] = zoom;
    if (button) choose(slot, group, button);
    else if (slot.zooms[slot.figure]) draw(slot);
  }

  let waits = 0;
  function keep() {
    clearTimeout(waits);
    waits = setTimeout(() => {
      addressSet("filter", unlessUsual("filter", view.filter));
      addressSet("q", view.query);
      addressSet("sort", unlessUsual("sort", sorting()));
      addressSet("page", view.page ? view.page + 1 : null);
      const slot = front();
      if (!slot) return;
      addressSet("view", unlessUsual("view", shortened(slot.figure)));
      addressSet("zoom", (slot.zooms[slot.figure] || []).join(","));
    }, 150);
  }

  if (location.search) follow();
  for (const name of ["automl:viewed", "automl:zoomed"]) document.addEventListener(name, keep);
})();
