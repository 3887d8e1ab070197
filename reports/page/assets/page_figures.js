// Drawing the figures, in the colours of the screen or of print, with a legend of our own.
const darkScreen = matchMedia("(prefers-color-scheme: dark)");
const coarse = matchMedia("(pointer: coarse)");
const SLOTS = new Map();
const GLYPHS = {
  front: '<circle cx="7" cy="7" r="5" fill="var(--front)"/>',
  finished: '<circle cx="7" cy="7" r="4" fill="var(--finished)"/>',
  stopped: '<circle cx="7" cy="7" r="4" fill="none" stroke="var(--stopped)" stroke-width="1.6"/>',
  running: '<path d="M7 2v10M2 7h10" stroke="var(--running)" stroke-width="1.6"/>',
  paused: '<rect x="3" y="3" width="8" height="8" fill="none" stroke="var(--paused)" stroke-width="1.8"/>',
  searched: '<path d="M3 3l8 8M11 3l-8 8" stroke="var(--stopped)" stroke-width="2"/>',
  interval: '<path d="M1 3v8M13 3v8M1 7h12" stroke="var(--front)" stroke-width="1.6"/>',
  proven: '<path d="M7 1v12M1 7h12" stroke="currentColor" stroke-width="1.2"/><rect x="4.5" y="4.5" width="5" height="5" fill="currentColor"/>',
  proposal: '<circle cx="7" cy="7" r="4.4" fill="var(--front)"/>',
  rung: '<path d="M7 2l5 5-5 5-5-5z" fill="none" stroke="var(--stopped)" stroke-width="1.6"/>',
  child: '<path d="M7 2l5 9H2z" fill="var(--muted)"/>',
  family: '<path d="M0 11L14 4" stroke="currentColor" stroke-width="1.4"/><path d="M7 3l4.6 8H2.4z" fill="currentColor"/>',
  over: '<path d="M7 2v10" stroke="var(--over)" stroke-width="2"/>',
  other: '<path d="M1 7h12" stroke="var(--muted)" stroke-width="1.6"/>',
  map: '<rect x="2" y="3" width="10" height="8" rx="1" fill="var(--front)"/>',
  map50: '<rect x="2" y="3" width="10" height="8" rx="1" fill="var(--finished)"/>',
  baseline: '<path d="M7 1l1.8 4.1 4.4.4-3.3 2.9 1 4.4L7 10.5l-3.9 2.3 1-4.4L.8 5.5l4.4-.4z" fill="var(--baseline)"/>',
  gate: '<circle cx="7" cy="7" r="4.4" fill="none" stroke="var(--gate-rim)" stroke-width="2.4"/>',
  unstable: '<path d="M7 2l5 5-5 5-5-5z" fill="var(--muted)"/>',
};

function painted(value, colours) {
  if (typeof value === "string") return colours[value] ?? value;
  if (Array.isArray(value)) return value.map((item) => painted(item, colours));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, painted(item, colours)]));
  }
  return value;
}

// 4 to 9 round latencies for a log axis, after a zoom; reports/analysis/views.py does the same for the first view.
function latencyTicks(low, high) {
  for (const ladder of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]]) {
    const ticks = [];
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade += 1) {
      for (const factor of ladder) ticks.push(Number((factor * 10 ** decade).toPrecision(3)));
    }
    const inside = ticks.filter((tick) => tick >= low && tick <= high);
    if (inside.length >= 4) return inside;
  }
  const unit = 10 ** Math.floor(Math.log10((high - low) / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size * 6 >= high - low);
  const ticks = [];
  for (let index = Math.ceil(low / step); index * step <= high; index += 1) ticks.push(Number((index * step).toPrecision(6)));
  return ticks;
}

function followZoom(holder) {
  const axis = holder._fullLayout && holder._fullLayout.xaxis;
  if (!axis || axis.type !== "log") return;
  const ticks = latencyTicks(10 ** axis.range[0], 10 ** axis.range[1]);
  Plotly.relayout(holder, { "xaxis.tickvals": ticks, "xaxis.ticktext": ticks.map((tick) => `${tick} ms`) });
}

function prepared(slot, printing) {
  const dark = isDark() && !printing;
  const { data, layout } = painted(REPORT.figures[slot.figure], REPORT.colours[dark ? "dark" : "light"]);
  for (const trace of data) {
    if (slot.hidden.has(trace.meta) || slot.hidden.has(trace.legendgroup)) trace.visible = false;
    if (slot.id === "front") { trace.hoverinfo = "none"; delete trace.hovertemplate; }
  }
  layout.uirevision = `${slot.figure} ${slot.resets}`; // what the reader has zoomed to stays
  const zoom = slot.zooms[slot.figure];
  if (zoom) { layout.xaxis.range = zoom.slice(0, 2); layout.yaxis.range = zoom.slice(2); }
  layout.dragmode = slot.dragmode || (coarse.matches || slot.id !== "front" ? false : "zoom"); // a finger scrolls the page
  if (innerWidth < 600) {
    layout.margin = { ...layout.margin, l: 44, r: 10 };
    if (slot.id === "front") layout.height = 400;
    layout.font.size = 12;
  }
  return { data, layout };
}

function draw(slot, printing = false) {
  const { data, layout } = prepared(slot, printing);
  const zoom = slot.zooms[slot.figure];
  const doubleClick = slot.id === "front" ? false : "reset";
  const config = { responsive: true, displayModeBar: false, doubleClick, plotGlPixelRatio: devicePixelRatio }; // plotly draws 2 x 2
  slot.holder.style.height = `${layout.height}px`; // plotly takes the holder's when the window's size changes
  Plotly.react(slot.holder, data, layout, config);
  if (zoom) followZoom(slot.holder);
  if (slot.legend) slot.legend.replaceChildren(...legend(slot, data));
  if (slot.wired) return;
  slot.wired = true;
  const numberOf = (event) => event.points && event.points[0] && event.points[0].customdata;
  slot.holder.on("plotly_click", (event) => { if (Number.isInteger(numberOf(event))) { hideCard(); show(numberOf(event)); } });
  if (slot.id !== "front") return;
  slot.holder.on("plotly_hover", (event) => { if (Number.isInteger(numberOf(event))) showCard(numberOf(event), event.event); });
  slot.holder.on("plotly_unhover", hideCard);
  slot.holder.on("plotly_relayout", (change) => { if ("xaxis.range[0]" in change || "xaxis.autorange" in change || "xaxis.range" in change) followZoom(slot.holder); });
  slot.holder.on("plotly_relayout", (change) => {
    if (!Object.keys(change).some((key) => /^[xy]axis\.range/.test(key))) return;
    const { xaxis, yaxis } = slot.holder._fullLayout; // what the reader has zoomed to stays over what is drawn anew
    slot.zooms[slot.figure] = [...xaxis.range, ...yaxis.range];
  });
  slot.holder.on("plotly_doubleclick", () => zoomOut(slot));
}

function zoomOut(slot) {
  delete slot.zooms[slot.figure];
  slot.resets += 1;
  draw(slot);
}

function glyph(key, colour) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 14 14");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = GLYPHS[key.startsWith("family-") ? "family" : key] || ""; // constants of this file
  if (colour) svg.style.color = colour;
  return svg;
}

function legend(slot, data) {
  const items = data.filter((trace) => trace.name && trace.meta && !trace.name.endsWith(" here")).map((trace) => {
    const hidden = slot.hidden.has(trace.meta);
    const button = element("button", { type: "button", "aria-pressed": String(!hidden) }, glyph(trace.meta, trace.line && trace.line.color), trace.name);
    button.addEventListener("click", () => {
      if (hidden) slot.hidden.delete(trace.meta); else slot.hidden.add(trace.meta);
      draw(slot);
    });
    return element("li", {}, button);
  });
  items.reverse(); // drawn last, named first
  if (slot.id === "front") {
    if (REPORT.rows.some((row) => row.gate)) items.push(element("li", {}, element("span", {}, glyph("gate"), "passes the gate")));
    const bars = data.find((trace) => trace.meta === "front" && trace.error_x && trace.error_x.array);
    if (bars) items.push(element("li", {}, element("span", {}, glyph("interval"), "95 % interval of the median latency")));
    if (REPORT.rows.some((row) => row.unstable)) items.push(element("li", {}, element("span", {}, glyph("unstable"), FAMILIES ? "latency unstable; of a child △" : "latency unstable")));
  }
  return items;
}

function prepareSlots() {
  for (const holder of document.querySelectorAll(".figure")) {
    if (SLOTS.has(holder.id) && SLOTS.get(holder.id).holder === holder) continue;
    const group = document.querySelector(`.switch[data-slot="${holder.id}"]`);
    const pressed = group && (group.querySelector('[aria-pressed="true"]') || group.querySelector("button"));
    const figure = holder.dataset.figure || (pressed && pressed.dataset.figure);
    const legendHolder = document.querySelector(`.legend[data-slot="${holder.id}"]`);
    const slot = { id: holder.id, holder, figure, legend: legendHolder, hidden: new Set(), wired: false, zooms: {}, resets: 0 };
    SLOTS.set(slot.id, slot);
    if (group) group.addEventListener("click", (event) => choose(slot, group, event.target.closest("button")));
  }
}

function choose(slot, group, button) {
  if (!button) return;
  for (const other of group.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
  slot.figure = button.dataset.figure;
  draw(slot);
  if (slot.id === "front") { keep("zoom", null); keep("view", slot.figure.replace("front_", "")); }
}

function drawAll(printing = false) {
  for (const slot of SLOTS.values()) draw(slot, printing);
}
