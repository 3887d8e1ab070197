// The table of trials: filter, sort, page by page.
const PAGE_ROWS = 50;
let FAMILIES = REPORT.rows.some((row) => row.children || row.parent !== undefined);
const COLUMNS = [
  { title: "trial", key: (row) => row.n, form: (row) => element("a", { href: `#trial-${row.n}` }, String(row.n)), number: true },
  { title: "outcome", key: (row) => (row.parent === undefined ? NAMES[row.outcome] : "child"), form: (row) => [element("i", { class: `dot fill-${row.parent === undefined ? row.outcome : "child"}` }), ...kind(row), row.batch ? element("span", { class: "tag", title: "after out of memory" }, row.batch) : "", row.baseline ? element("span", { class: "tag", title: "the stock detector that the others are compared with" }, `baseline ${row.baseline}`) : "", row.note ? element("span", { class: "tag note", title: row.note }, `note: ${row.note}`) : ""] },
  { title: "front", key: (row) => (row.front ? 1 : 0), form: (row) => (row.front ? "●" : ""), down: true },
  { title: "gate", key: (row) => (row.gate ? 1 : 0), form: (row) => (row.gate ? element("span", { class: "yes" }, "✓") : ""), down: true },
  { title: "backbone", key: (row) => choice(row, "backbone.name"), form: (row) => (choice(row, "backbone.name") == null ? "–" : shortName(choice(row, "backbone.name")) + (row.scale || "")), name: true },
  { title: "neck", key: (row) => (row.own ? -1 : choice(row, "neck.width")), form: (row) => (row.own ? "own" : plain(choice(row, "neck.width"))), number: true },
  { title: "head", key: (row) => row.own || choice(row, "head.kind"), name: true },
  { title: "size, px", key: (row) => choice(row, "size.pixels"), number: true },
  { title: "slim", key: (row) => row.slim ?? null, form: (row) => (row.slim || "").replaceAll(" 0.", " ."), name: true, narrow: true },
  { title: "mAP50", key: (row) => row.map50, form: (row) => share(row.map50), number: true, down: true },
  { title: "mAP", key: (row) => row.map, form: (row) => share(row.map), number: true, down: true },
  { title: "p95, ms", key: (row) => row.p95, form: (row) => doubtful(digits(row.p95), row, "p95"), number: true },
  { title: "p50, ms", key: (row) => row.p50, form: (row) => doubtful(digits(row.p50), row, "p50"), number: true },
  { title: "parameters", key: (row) => row.parameters, form: (row) => count(row.parameters), number: true },
  { title: "time", key: (row) => row.seconds, form: (row) => duration(row.seconds), number: true },
];
// What the gate bounds beside them: a column each, with the bound, and a mark where it is missed.
const bounded = (row, index) => (row.bounds && row.bounds[index]) || [null, 0];
COLUMNS.splice(-2, 0, ...REPORT.bounds.map((bound, index) => ({
  title: `${bound.title} ${bound.limit}`, key: (row) => bounded(row, index)[0], number: true, down: bound.floor, always: true,
  form: (row) => {
    if (!row.bounds) return "";
    const [value, kept] = bounded(row, index);
    const text = value === null ? "unknown" : bound.share ? share(value) : digits(value);
    return kept ? text : element("span", { class: "misses", title: "misses the bound" }, `${text} ✗`);
  },
})));
// Of several devices the others' median latency: a column each.
const onDevice = (row, index) => ((REPORT.on_devices || {})[row.n] || [])[index] || [null];
(REPORT.devices || []).forEach((name, index) => {
  if (name !== REPORT.device) COLUMNS.splice(-2, 0, { title: `p50 on ${name}, ms`, key: (row) => onDevice(row, index)[0], form: (row) => digits(onDevice(row, index)[0]), number: true });
});
const FILTERS = [
  ["all", "all", () => true],
  ["trainings", "trainings", (row) => FAMILIES && row.parent === undefined],
  ["children", "children", (row) => row.parent !== undefined],
  ["proof", "of the proof", (row) => row.proves !== undefined],
  ["front", "front", (row) => row.front],
  ["gate", "pass the gate", (row) => row.gate],
  ["batch", "smaller batch", (row) => row.batch],
  ["copied", "copied", (row) => row.copied !== undefined],
  ["noted", "with a note", (row) => row.note],
  ...["finished", "stopped", "paused", "over", "failed", "running"].map((key) => [key, NAMES[key], (row) => row.outcome === key]),
];
const view = { filter: "all", query: "", column: 0, down: true, page: 0, open: new Set() }; // open: parents with their children below
const shownColumns = () => COLUMNS.filter((column) => column.always || REPORT.rows.some((row) => { const value = column.key(row); return value != null && value !== 0; }) || column.title === "trial");
let columns = shownColumns();

// How it ended: of a child whose it is, of a parent its children too, which a click shows or hides below it.
function kind(row) {
  if (row.baseline) return [statusOf(row)];
  if (row.parent !== undefined) return ["child of ", element("a", { href: `#trial-${row.parent}` }, String(row.parent))];
  if (row.proves !== undefined && row.outcome === "finished") return ["proof of ", element("a", { href: `#trial-${row.proves}` }, String(row.proves)), `, seed ${row.seed}`];
  if (row.polishes !== undefined && row.outcome === "finished") return ["polish of ", element("a", { href: `#trial-${row.polishes}` }, String(row.polishes))];
  if (row.carried !== undefined && !row.children && row.outcome === "finished") return [row.carried];
  if (!row.children) return [FAMILIES && row.outcome === "finished" ? row.kind : statusOf(row)];
  const open = view.filter === "trainings" && view.open.has(row.n);
  const button = element("button", { type: "button", class: "fold", "aria-expanded": String(open) }, `${row.kind} ${open ? "▾" : "▸"}`);
  button.addEventListener("click", (event) => { event.stopPropagation(); unfold(row.n, !open); });
  return [button];
}

// Show the trainings, with the children of one of them below it, or without.
function unfold(number, open = true) {
  if (open) view.open.add(number); else view.open.delete(number);
  if (view.filter !== "trainings") Object.assign(view, { filter: "trainings", page: 0 });
  drawChips();
  drawTable();
}

function haystack(row) {
  if (row.words === undefined) {
    const pairs = REPORT.dimensions.map((name, index) => (row.candidate[index] == null ? "" : `${name}=${plain(row.candidate[index])}`));
    row.words = [...pairs, statusOf(row), row.kind || "", row.baseline ? `baseline ${row.baseline}` : "", row.parent === undefined ? "" : `parent=${row.parent}`, row.error || "", row.reason || "", row.batch || "", row.note || "", ...(row.deaths || []).map((death) => death.cause)].join(" ").toLowerCase();
  }
  return row.words;
}

// "p95<10" bounds a quantity or a dimension; any other word must occur in the configuration.
function condition(word) {
  const match = /^([\w.]+)(<=|>=|<|>)(-?[\d.]+)$/.exec(word);
  if (!match) return (row) => haystack(row).includes(word);
  const [, name, sign, text] = match;
  const bound = Number(text);
  const tests = { "<": (v) => v < bound, ">": (v) => v > bound, "<=": (v) => v <= bound, ">=": (v) => v >= bound };
  return (row) => {
    const value = ["map", "map50", "p50", "p95", "seconds", "n"].includes(name) ? row[name] : choice(row, name);
    return typeof value === "number" && tests[sign](value);
  };
}

function selected() {
  const keeps = FILTERS.find(([key]) => key === view.filter)[2];
  const conditions = view.query.toLowerCase().split(/\s+/).filter(Boolean).map(condition);
  const column = columns[view.column] || columns[0];
  const key = column.sorts || column.key;
  const sign = view.down ? -1 : 1;
  const order = (one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a == null || b == null) return (a == null) - (b == null) || one.n - other.n; // unknown last, either way
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))) || one.n - other.n;
  };
  const found = REPORT.rows.filter((row) => conditions.every((test) => test(row))).sort(order);
  const rows = found.filter(keeps);
  if (view.filter !== "trainings") return rows;
  return rows.flatMap((row) => (view.open.has(row.n) ? [row, ...found.filter((child) => child.parent === row.n)] : [row]));
}

function drawHead() {
  const line = element("tr");
  columns.forEach((column, index) => {
    const sorted = view.column === index ? (view.down ? "descending" : "ascending") : null;
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      view.down = view.column === index ? !view.down : Boolean(column.down);
      Object.assign(view, { column: index, page: 0 });
      drawTable();
      document.querySelectorAll("#table th button")[index].focus();
    });
    line.append(element("th", { scope: "col", class: column.number ? "number" : "", "aria-sort": sorted }, button));
  });
  document.querySelector("#table thead").replaceChildren(line);
}

function tableRow(row) {
  const line = element("tr", { "data-number": row.n, class: `${location.hash === `#trial-${row.n}` ? "open" : ""} ${view.filter === "trainings" && row.parent !== undefined ? "member" : ""}`.trim() });
  for (const column of columns) {
    const content = column.form ? column.form(row) : plain(column.key(row));
    const title = column.name ? plain(column.key(row)) : null;
    line.append(element("td", { class: column.number ? "number" : column.narrow ? "name narrow" : column.name ? "name" : "", title: row.slim || !column.narrow ? title : null }, ...(Array.isArray(content) ? content : [content])));
  }
  return line;
}

function drawTable() {
  const rows = selected();
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  view.page = Math.min(view.page, pages - 1);
  const first = view.page * PAGE_ROWS;
  drawHead();
  document.querySelector("#table tbody").replaceChildren(...rows.slice(first, first + PAGE_ROWS).map(tableRow));
  const last = Math.min(first + PAGE_ROWS, rows.length);
  byId("shown").textContent = rows.length ? `${(first + 1).toLocaleString("en-US")} to ${last.toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")}` : "no trial fits";
  byId("previous").disabled = view.page === 0;
  byId("next").disabled = view.page >= pages - 1;
  keepTable();
}

function drawChips() {
  const chips = FILTERS.map(([key, name, keeps]) => [key, name, REPORT.rows.filter(keeps).length]).filter(([key, , found]) => found || key === "all");
  byId("chips").replaceChildren(...chips.map(([key, name, found]) => {
    const chip = element("button", { type: "button", "aria-pressed": String(view.filter === key) }, `${name} `, element("small", {}, found.toLocaleString("en-US")));
    chip.addEventListener("click", () => { Object.assign(view, { filter: key, page: 0 }); drawChips(); drawTable(); });
    return chip;
  }));
}

function wireTable() {
  byId("query").addEventListener("input", (event) => { Object.assign(view, { query: event.target.value, page: 0 }); drawTable(); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".families .fold");
    if (button) { unfold(Number(button.dataset.family)); byId("trials").scrollIntoView(); }
  });
  byId("previous").addEventListener("click", () => { view.page -= 1; drawTable(); });
  byId("next").addEventListener("click", () => { view.page += 1; drawTable(); });
  document.querySelector("#table tbody").addEventListener("click", (event) => {
    const line = event.target.closest("tr");
    if (line && !event.target.closest("a")) show(Number(line.dataset.number));
  });
}

function showWinner() {
  const picture = REPORT.winner === null ? null : REPORT.pictures[REPORT.winner];
  const place = byId("winner-picture");
  if (!picture || !place || place.getAttribute("src") === picture) return;
  place.src = picture;
  place.hidden = false;
  byId("no-winner-picture").hidden = true;
}

function start() {
  view.column = Math.max(0, columns.findIndex((column) => column.title === "mAP"));
  if (REPORT.rows.some((row) => row.front)) view.filter = "front";
  else if (FAMILIES) view.filter = "trainings";
  recallTable();
  drawChips();
  drawTable();
  wireTable();
  showWinner();
  prepareSlots();
  drawAll();
  followHash();
  darkScreen.addEventListener("change", () => drawAll());
  window.addEventListener("beforeprint", () => drawAll(true));
  window.addEventListener("afterprint", () => drawAll());
}
