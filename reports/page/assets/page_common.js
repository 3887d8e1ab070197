// Reading the report's data, building elements, writing numbers.
window.addEventListener("error", (event) => {
  document.documentElement.dataset.error = event.message;
  const note = document.getElementById("broken");
  note.textContent = `A part of this page could not be drawn: ${event.message}`;
  note.hidden = false;
});

const REPORT = { ...reportOf(document.getElementById("report")), ...reportOf(VIEW && ofDevice("script")), pictures: reportOf(document.getElementById("pictures")) };
const BY_NUMBER = new Map(REPORT.rows.map((row) => [row.n, row]));
let DIMENSION = new Map(REPORT.dimensions.map((name, index) => [name, index]));
const NAMES = {
  finished: "finished", over: "over a bound", stopped: "stopped", failed: "failed", running: "running", paused: "paused", waiting: "waiting",
};
const statusOf = (row) => row.status || NAMES[row.outcome]; // a paused trial tells where it waits

const byId = (id) => document.getElementById(id);

// Text goes in as text nodes only: a name from the data can never become markup.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function choice(row, name) {
  const index = DIMENSION.get(name);
  return index === undefined ? null : row.candidate[index];
}

const shortName = (name) => String(name).split("/").pop().split(".")[0];

function digits(value, count = 3) {
  if (value == null) return "–";
  const whole = Math.trunc(Math.abs(value)).toString().length;
  const places = Math.max(count - whole, 0);
  return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
}
// What rests on few or noisy values has one mark, with its words in the title and for screen readers.
function doubtful(text, row, figure) {
  const words = row.doubts && row.doubts[figure];
  return words ? [text, " ", element("span", { class: "doubt", title: `${figure} ${words}` }, element("span", { "aria-hidden": "true" }, "≈"), element("span", { class: "unseen" }, `${figure} ${words}`))] : [text];
}
const share = (value) => (value == null ? "–" : value.toFixed(3));
const ms = (value) => (value == null ? "–" : `${digits(value)} ms`);

function scaled(value, steps, base) {
  if (!value) return "–";
  let step = 0;
  while (value >= base && step < steps.length - 1) { value /= base; step += 1; }
  return `${digits(value)} ${steps[step]}`.trim();
}
const count = (value) => scaled(value, ["", "k", "M", "G", "T"], 1000);
const bytes = (value) => scaled(value, ["B", "KiB", "MiB", "GiB"], 1024);

function duration(seconds) {
  if (seconds == null) return "–";
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function plain(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
