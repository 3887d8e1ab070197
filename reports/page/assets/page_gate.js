// The bounds of the gate, to be dragged: what would still pass. Nothing here changes the study or its gate.
const BOUNDS = {
  map50: { name: "mAP50", floor: true, form: share },
  map: { name: "mAP", floor: true, form: share },
  p95: { name: "p95", floor: false, form: ms },
  p50: { name: "p50", floor: false, form: ms },
};
const OF_VIEW = { front_gate: ["p95", "map50"], front_objectives: ["p50", "map"] }; // the axes that a view draws
const STEPS = 200; // of a slider; its last step towards what lets everything pass is "no bound"
const WHATIF = { ...REPORT.gate }; // quantity to bound; null where there is none
const isAsked = () => Object.keys(BOUNDS).some((key) => WHATIF[key] !== REPORT.gate[key]);
// As reports/table/table.py judges: a candidate of the search, measured on this device.
const isFit = (row) => row.map != null && row.p50 != null && !row.elsewhere && row.proves === undefined;

function wouldPass(row) {
  if (!isFit(row) || (row.bounds || []).some(([, kept]) => !kept)) return false;
  return Object.entries(BOUNDS).every(([key, { floor }]) => WHATIF[key] === null || (row[key] != null && (floor ? row[key] >= WHATIF[key] : row[key] <= WHATIF[key])));
}

// The most accurate; of equals the faster, then the older: as reports/table/pick.py picks.
function bestOf(rows) {
  return rows.reduce((best, row) => (!best || row.map > best.map || (row.map === best.map && (row.p50 < best.p50 || (row.p50 === best.p50 && row.n < best.n))) ? row : best), null);
}

const boundWords = (bounds) => Object.entries(BOUNDS).filter(([key]) => bounds[key] !== null).map(([key, { name, floor, form }]) => `${name} ${floor ? "≥" : "≤"} ${form(bounds[key])}`).join(", ");
const plural = (number, noun) => `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;

function outcome() {
  const fit = REPORT.rows.filter(isFit);
  const passing = fit.filter(wouldPass);
  const own = fit.filter((row) => row.gate || !REPORT.gated);
  return { fit: fit.length, passing: passing.length, best: bestOf(passing), own: own.length, ownBest: bestOf(own) };
}

function sayOutcome() {
  const { fit, passing, best, own, ownBest } = outcome();
  const link = (row) => element("a", { href: `#trial-${row.n}` }, `trial ${row.n}`);
  const figures = (row) => `mAP50 ${share(row.map50)}, mAP ${share(row.map)}, p95 ${ms(row.p95)}, p50 ${ms(row.p50)}${row.architecture ? `, ${row.architecture}` : ""}`;
  const others = REPORT.bounds.map((bound) => `${bound.title} ${bound.limit}`).join(", ");
  const kept = others ? ` The gate’s other bounds are kept: ${others}.` : "";
  const ofStudy = REPORT.gated ? ["The study’s gate: ", String(own), own === 1 ? " passes" : " pass", ...(ownBest ? [", the best is ", link(ownBest)] : []), "."] : ["The study has no gate."];
  byId("whatif-said").replaceChildren(...(isAsked()
    ? [element("b", { class: "whatif-mark" }, "What if, not the study’s gate"), ` ${boundWords(WHATIF) || "without these bounds"}: `, element("b", {}, String(passing)), ` of ${plural(fit, "measured trial")} would pass`,
      ...(best ? ["; the best is ", link(best), ` (${figures(best)}).`] : ["."]), ` ${kept} `, ...ofStudy]
    : [...ofStudy, ` Of ${plural(fit, "measured trial")}.`, ` Move a bound, or drag an edge in the figure.${kept}`]));
  byId("whatif-show").disabled = !isAsked() || !passing;
  byId("whatif-reset").disabled = !isAsked();
}

// Sliders: latencies on a log scale, accuracies on a linear one.
function spanOf(key) {
  const values = REPORT.rows.filter((row) => isFit(row) && row[key] != null).map((row) => row[key]);
  if (REPORT.gate[key] !== null) values.push(REPORT.gate[key]);
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, 0]);
  return BOUNDS[key].floor ? [0, Math.min(1, (high || 1) * 1.05)] : [0.9 * (Number.isFinite(low) ? low : 1), 1.1 * (high || 10)];
}
const rounded = (value, key) => Number(BOUNDS[key].floor ? value.toFixed(3) : value.toPrecision(3));
function atStep(step, key) {
  const [low, high] = spanOf(key);
  if (step === (BOUNDS[key].floor ? 0 : STEPS)) return null;
  return rounded(BOUNDS[key].floor ? low + ((high - low) * step) / STEPS : low * (high / low) ** (step / STEPS), key);
}
function stepOf(value, key) {
  const [low, high] = spanOf(key);
  if (value === null) return BOUNDS[key].floor ? 0 : STEPS;
  const part = BOUNDS[key].floor ? (value - low) / (high - low) : Math.log(value / low) / Math.log(high / low);
  return Math.min(BOUNDS[key].floor ? STEPS : STEPS - 1, Math.max(BOUNDS[key].floor ? 1 : 0, Math.round(part * STEPS)));
}

function boundInputs() {
  for (const [key, { name, floor, form }] of Object.entries(BOUNDS)) {
    const label = `${name} ${floor ? "at least" : "at most"}`;
    const slider = element("input", { type: "range", min: 0, max: STEPS, step: 1, id: `whatif-${key}`, "data-key": key, "aria-label": label });
    const exact = element("input", { type: "number", min: 0, max: floor ? 1 : null, step: "any", "data-key": key, "aria-label": `${label}${floor ? "" : ", ms"}; empty for no bound`, placeholder: "any", inputmode: "decimal" });
    slider.addEventListener("input", () => setBound(key, atStep(Number(slider.value), key)));
    exact.addEventListener("change", () => setBound(key, exact.value === "" || !(Number(exact.value) >= 0) ? null : Number(exact.value)));
    const study = REPORT.gate[key] === null ? "none in the study" : `study: ${form(REPORT.gate[key])}`;
    byId("whatif-bounds").append(element("div", { class: "whatif-bound" }, element("label", { for: slider.id }, `${name} ${floor ? "≥" : "≤"}`), slider, exact, element("small", {}, study)));
  }
}

function setBound(key, value) {
  WHATIF[key] = value;
  byId("whatif").open = true;
  showBounds();
}

let settling = 0;
function showBounds() {
  for (const input of byId("whatif-bounds").querySelectorAll("input")) {
    const { key } = input.dataset;
    if (input.type === "range") {
      input.value = stepOf(WHATIF[key], key);
      input.setAttribute("aria-valuetext", WHATIF[key] === null ? "no bound" : BOUNDS[key].form(WHATIF[key]));
    } else if (document.activeElement !== input) input.value = WHATIF[key] === null ? "" : WHATIF[key];
  }
  placeGate();
  sayOutcome();
  clearTimeout(settling);
  settling = setTimeout(settle, 250); // what costs more than a frame, or would be read out too often
}

function settle() {
  for (const key of Object.keys(BOUNDS)) keep(key, WHATIF[key] === REPORT.gate[key] ? null : WHATIF[key] === null ? "any" : WHATIF[key]);
  if (isAsked()) say(byId("whatif-said").textContent);
  if (view.filter === "if" && !isAsked()) view.filter = "all";
  drawChips();
  if (view.filter === "if" || view.filter === "all") drawTable();
}

// Edges in the figure: one for each of its two quantities, at the bound, or at the rim where there is none.
const EDGES = { x: element("div", { class: "edge edge-x" }, element("span", {})), y: element("div", { class: "edge edge-y" }, element("span", {})) };
const REGION = element("div", { class: "whatif-region", "aria-hidden": "true", hidden: true }, element("b", {}, "what if"));
const frontSlot = () => SLOTS.get("front");

function axesOf(slot) {
  const layout = slot.holder._fullLayout; // plotly's own: where its axes are, in pixels
  return layout && layout.xaxis && layout.xaxis.d2p && OF_VIEW[slot.figure] ? { x: layout.xaxis, y: layout.yaxis, keys: OF_VIEW[slot.figure] } : null;
}

function placeGate() {
  const axes = frontSlot() && axesOf(frontSlot());
  for (const part of [EDGES.x, EDGES.y]) part.hidden = !axes;
  REGION.hidden = !axes || !isAsked();
  if (!axes) return;
  const { x, y, keys: [latency, accuracy] } = axes;
  const clamped = (value, axis, free) => (value === null ? free : Math.min(axis._length, Math.max(0, axis.d2p(value))));
  const left = clamped(WHATIF[latency], x, x._length);
  const top = clamped(WHATIF[accuracy], y, y._length);
  Object.assign(EDGES.x.style, { left: `${x._offset + left}px`, top: `${y._offset}px`, height: `${y._length}px` });
  Object.assign(EDGES.y.style, { top: `${y._offset + top}px`, left: `${x._offset}px`, width: `${x._length}px` });
  Object.assign(REGION.style, { left: `${x._offset}px`, top: `${y._offset}px`, width: `${left}px`, height: `${top}px` });
  for (const [edge, key] of [[EDGES.x, latency], [EDGES.y, accuracy]]) {
    edge.dataset.key = key;
    edge.classList.toggle("asked", WHATIF[key] !== REPORT.gate[key]);
    edge.firstChild.textContent = WHATIF[key] === null ? `${BOUNDS[key].name}: drag` : `${BOUNDS[key].name} ${BOUNDS[key].floor ? "≥" : "≤"} ${BOUNDS[key].form(WHATIF[key])}`;
  }
  EDGES.x.classList.toggle("leftward", left > x._length / 2);
}

function draggable(edge, side) {
  edge.setAttribute("aria-hidden", "true"); // the sliders below do the same for keys and screen readers
  edge.addEventListener("pointerdown", (event) => { edge.setPointerCapture(event.pointerId); event.preventDefault(); hideCard(); });
  edge.addEventListener("pointermove", (event) => {
    if (!edge.hasPointerCapture(event.pointerId)) return;
    const axes = axesOf(frontSlot());
    if (!axes) return;
    const box = frontSlot().holder.getBoundingClientRect();
    const axis = axes[side];
    const at = (side === "x" ? event.clientX - box.left : event.clientY - box.top) - axis._offset;
    setBound(edge.dataset.key, at >= axis._length - 2 ? null : rounded(Math.max(axis.p2d(Math.max(0, at)), 0), edge.dataset.key));
  });
}

function startGate() {
  if (!byId("stage")) return;
  for (const key of Object.keys(BOUNDS)) {
    const asked = recalled(key);
    if (asked === "any") WHATIF[key] = null;
    else if (asked !== null && Number(asked) >= 0) WHATIF[key] = Number(asked);
  }
  byId("whatif").open = isAsked();
  FILTERS.splice(1, 0, ["if", "would pass", (row) => isAsked() && wouldPass(row)]);
  byId("stage").append(REGION, EDGES.x, EDGES.y);
  draggable(EDGES.x, "x");
  draggable(EDGES.y, "y");
  boundInputs();
  byId("whatif-bounds").addEventListener("submit", (event) => event.preventDefault());
  byId("whatif-reset").addEventListener("click", () => { Object.assign(WHATIF, REPORT.gate); showBounds(); });
  byId("whatif-show").addEventListener("click", () => { Object.assign(view, { filter: "if", page: 0 }); drawChips(); drawTable(); byId("trials").scrollIntoView(); });
  document.addEventListener("automl:changed", showBounds);
}
