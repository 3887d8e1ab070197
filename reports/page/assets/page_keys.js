// The front by keyboard: a cursor that goes from trial to trial, and the zoom; what it is at is said aloud.
const CURSOR = element("div", { class: "cursor", "aria-hidden": "true", hidden: true });
const SAID = element("div", { class: "unseen", role: "status", id: "said" });
document.body.append(SAID);
const say = (text) => { SAID.textContent = text; };
let cursor = null; // the number of the trial that it is at

// What is drawn and not hidden, by rising latency: number, where, and whether it is on the front.
function places(slot) {
  const drawn = REPORT.figures[slot.figure].data.filter((trace) => trace.customdata && trace.meta !== "baseline" && !slot.hidden.has(trace.meta) && !slot.hidden.has(trace.legendgroup));
  const found = drawn.flatMap((trace) => trace.customdata.map((n, index) => ({ n, x: trace.x[index], y: trace.y[index], over: trace.yaxis === "y2", front: trace.meta === "front" })));
  return [...new Map(found.filter((place) => Number.isInteger(place.n)).map((place) => [place.n, place])).values()].sort((one, other) => one.x - other.x || one.n - other.n);
}

function moveCursor(slot, step, along) {
  const all = places(slot);
  if (!all.length) return;
  const here = all.findIndex((place) => place.n === cursor);
  let next;
  if (Number.isFinite(step)) {
    const candidates = all.map((place, index) => [place, index]).filter(([place]) => !along || place.front);
    const ranked = candidates.length ? candidates : all.map((place, index) => [place, index]);
    const onwards = step > 0 ? ranked.filter(([, index]) => index > here) : ranked.filter(([, index]) => index < here).reverse();
    next = here < 0 ? ranked[0][0] : onwards.length ? onwards[0][0] : null;
  } else next = step > 0 ? all[all.length - 1] : all[0];
  if (next) setCursor(slot, next);
}

function setCursor(slot, place) {
  cursor = place.n;
  reveal(slot, place);
  placeCursor(slot, place);
  const row = BY_NUMBER.get(place.n);
  if (!row) return;
  const figures = [["mAP50", share(row.map50)], ["mAP", share(row.map)], ["p95", ms(row.p95)], ["p50", ms(row.p50)]].filter(([, value]) => value !== "–").map((pair) => pair.join(" "));
  say([`Trial ${place.n}`, statusOf(row), row.front ? "on the front" : "", row.gate ? "passes the gate" : "", ...figures, row.architecture].filter(Boolean).join(", "));
  const box = CURSOR.getBoundingClientRect();
  showCard(place.n, { clientX: box.left + box.width / 2, clientY: box.top });
}

// A trial outside of what is shown: the figure moves there.
function reveal(slot, place) {
  const { xaxis, yaxis } = slot.holder._fullLayout;
  const changed = {};
  const move = (axis, name, at) => {
    const [low, high] = axis.range;
    if (at >= low && at <= high) return;
    changed[`${name}.range`] = [at - (high - low) / 2, at + (high - low) / 2];
  };
  move(xaxis, "xaxis", Math.log10(place.x));
  if (!place.over) move(yaxis, "yaxis", place.y);
  if (Object.keys(changed).length) Plotly.relayout(slot.holder, changed);
}

function placeCursor(slot, known) {
  const axes = cursor === null ? null : axesOf(slot);
  const place = axes && (known || places(slot).find((one) => one.n === cursor));
  CURSOR.hidden = !place;
  if (!place) return;
  const y = place.over ? slot.holder._fullLayout.yaxis2 : axes.y;
  CURSOR.style.left = `${axes.x._offset + axes.x.d2p(place.x)}px`;
  CURSOR.style.top = `${y._offset + y.d2p(place.y)}px`;
}

function leaveCursor() {
  cursor = null;
  CURSOR.hidden = true;
  hideCard();
}

function zoom(slot, factor) {
  if (factor === null) { zoomOut(slot); followZoom(slot.holder); keep("zoom", null); return; }
  const { xaxis, yaxis } = slot.holder._fullLayout;
  const scaled = (axis, middle) => [middle + (axis.range[0] - middle) * factor, middle + (axis.range[1] - middle) * factor];
  const place = cursor === null ? null : places(slot).find((one) => one.n === cursor);
  const middle = (axis) => (axis.range[0] + axis.range[1]) / 2;
  Plotly.relayout(slot.holder, { "xaxis.range": scaled(xaxis, place ? Math.log10(place.x) : middle(xaxis)), "yaxis.range": scaled(yaxis, place && !place.over ? place.y : middle(yaxis)) });
}

function keyDown(slot, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const acts = {
    ArrowRight: () => moveCursor(slot, 1, true), ArrowLeft: () => moveCursor(slot, -1, true),
    ArrowDown: () => moveCursor(slot, 1, false), ArrowUp: () => moveCursor(slot, -1, false),
    Home: () => moveCursor(slot, -Infinity), End: () => moveCursor(slot, Infinity),
    Enter: () => { if (cursor !== null) { hideCard(); show(cursor); } },
    Escape: leaveCursor, "+": () => zoom(slot, 0.6), "=": () => zoom(slot, 0.6), "-": () => zoom(slot, 1 / 0.6), 0: () => zoom(slot, null),
  };
  acts[" "] = acts.Enter;
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}

function keepZoom(slot) {
  const { xaxis, yaxis } = slot.holder._fullLayout;
  keep("zoom", [...xaxis.range, ...yaxis.range].map((value) => Number(value.toPrecision(4))).join("~"));
}

function recallZoom(slot) {
  const ends = (recalled("zoom") || "").split("~").map(Number);
  if (ends.length === 4 && ends.every(Number.isFinite)) Plotly.relayout(slot.holder, { "xaxis.range": ends.slice(0, 2), "yaxis.range": ends.slice(2) });
}

function zoomButtons(slot) {
  const button = (text, label, act) => {
    const made = element("button", { type: "button", "aria-label": label, title: label }, text);
    made.addEventListener("click", () => act(made));
    return made;
  };
  const pan = button("✥", "drag to move the figure instead of zooming", (made) => {
    slot.dragmode = slot.dragmode === "pan" ? null : "pan";
    made.setAttribute("aria-pressed", String(slot.dragmode === "pan"));
    Plotly.relayout(slot.holder, { dragmode: slot.dragmode || (coarse.matches ? false : "zoom") });
  });
  pan.setAttribute("aria-pressed", "false");
  byId("zoom").append(button("+", "zoom in", () => zoom(slot, 0.6)), button("−", "zoom out", () => zoom(slot, 1 / 0.6)), button("⤢", "the whole figure", () => zoom(slot, null)), pan);
}

function startKeys() {
  const slot = frontSlot();
  if (!slot || !byId("stage")) return;
  byId("stage").append(CURSOR);
  zoomButtons(slot);
  slot.holder.addEventListener("keydown", (event) => keyDown(slot, event));
  slot.holder.addEventListener("blur", () => { if (panel.hidden) leaveCursor(); });
  const follow = () => { placeGate(); placeCursor(slot); };
  for (const name of ["plotly_afterplot", "plotly_relayouting"]) slot.holder.on(name, follow);
  slot.holder.on("plotly_relayout", (change) => { follow(); if (Object.keys(change).some((key) => /^[xy]axis\.range/.test(key))) keepZoom(slot); });
  slot.holder.on("plotly_doubleclick", () => keep("zoom", null));
  recallZoom(slot);
  follow();
}
