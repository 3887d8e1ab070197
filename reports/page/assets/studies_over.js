"use strict";
// Studies over one another: the fronts and hypervolumes, drawn at the page's own width, and a ruler along latency.
(() => {
  const DATA = JSON.parse(document.getElementById("overlay").textContent);
  const byId = (id) => document.getElementById(id);
  const SPACE = "http://www.w3.org/2000/svg";
  const MARKS = ["circle", "square", "triangle", "diamond", "down", "plus", "cross", "star"];
  const DASHES = [null, "7 4", "2 3", "9 3 2 3", "12 4", "4 2", "1 4", "10 3 2 3 2 3"];
  const hidden = new Set();
  const share = (value) => value.toFixed(3);
  const short = (value, digits = 3) => { const places = Math.max(0, digits - Math.trunc(Math.abs(value)).toString().length); return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }); };
  const ms = (value) => `${short(value)} ms`;

  function make(tag, attributes = {}, ...children) {
    const made = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  function html(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(name, value);
    made.append(...children); // text as text nodes only
    return made;
  }

  const SHAPES = {
    circle: "M0,-4.6A4.6,4.6 0 1 1 0,4.6A4.6,4.6 0 1 1 0,-4.6Z", square: "M-4.2,-4.2H4.2V4.2H-4.2Z", triangle: "M0,-5.4L5,4H-5Z", diamond: "M0,-5.8L5.8,0L0,5.8L-5.8,0Z",
    down: "M0,5.4L5,-4H-5Z", plus: "M-1.7,-5.2H1.7V-1.7H5.2V1.7H1.7V5.2H-1.7V1.7H-5.2V-1.7H-1.7Z", cross: "M-5,-2.8L-2.8,-5L0,-2.2L2.8,-5L5,-2.8L2.2,0L5,2.8L2.8,5L0,2.2L-2.8,5L-5,2.8L-2.2,0Z",
    star: "M0,-6L1.7,-2.2L5.8,-1.9L2.6,0.8L3.6,4.9L0,2.7L-3.6,4.9L-2.6,0.8L-5.8,-1.9L-1.7,-2.2Z",
  };
  const shape = (index, unstable) => make("path", { d: SHAPES[MARKS[index % MARKS.length]], fill: unstable ? "var(--card)" : DATA.studies[index].colour, stroke: DATA.studies[index].colour, "stroke-width": 1.5 });
  function glyph(index) {
    const svg = make("svg", { viewBox: "0 0 26 14", "aria-hidden": "true" });
    svg.append(make("path", { d: "M0,7H26", stroke: DATA.studies[index].colour, "stroke-width": 2, "stroke-dasharray": DASHES[index] }), make("g", { transform: "translate(13,7)" }, shape(index)));
    return svg;
  }

  // Round steps over a range: 4 to 8 of them.
  function steps(low, high) {
    const rough = (high - low) / 6;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
    const found = [];
    for (let at = Math.ceil(low / step); at * step <= high * 1.0001; at += 1) found.push(Number((at * step).toPrecision(6)));
    return found;
  }

  function frame(holder, label, height) {
    const width = Math.max(280, holder.clientWidth);
    const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
    const box = { left: 46, right: width - 14, top: 14, bottom: height - 40, width, height };
    holder.replaceChildren(svg);
    return [svg, box];
  }
  function axes(svg, box, across, up, titles) {
    for (const [x, words] of across) {
      svg.append(make("line", { class: "grid", x1: x, x2: x, y1: box.top, y2: box.bottom }), make("text", { x, y: box.bottom + 17, "text-anchor": "middle" }, words));
    }
    for (const [y, words] of up) {
      svg.append(make("line", { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y }), make("text", { x: box.left - 7, y: y + 4, "text-anchor": "end" }, words));
    }
    svg.append(make("text", { x: box.right, y: box.height - 5, "text-anchor": "end" }, titles[0]), make("text", { x: box.left, y: box.top - 3 }, titles[1]));
  }

  const shown = () => DATA.studies.map((study, index) => [study, index]).filter(([, index]) => !hidden.has(index));
  const members = DATA.studies.flatMap((study) => study.front);
  const low = Math.min(...members.map((one) => one[0])) * 0.93;
  const high = Math.max(...members.map((one) => one[0])) * 1.07;
  const START = { at: null };

  function drawFronts() {
    const [svg, box] = frame(byId("fronts"), "Fronts of the studies: mAP over latency", innerWidth < 600 ? 330 : 440);
    const values = shown().flatMap(([study]) => [...study.front, ...(study.baseline ? [study.baseline] : [])].map((one) => one[1]));
    const top = Math.max(...values, 0.01) * 1.05;
    const least = Math.min(...values, top);
    const floor = Math.max(0, least - Math.max(0.01, 0.12 * (top - least)));
    const x = (value) => box.left + (Math.log(value / low) / Math.log(high / low)) * (box.right - box.left);
    const y = (value) => box.bottom - ((value - floor) / (top - floor)) * (box.bottom - box.top);
    const room = (box.right - box.left) / 56; // ticks whose words would touch are left out
    const ticks = DATA.ticks.filter((tick, index) => index < DATA.ticks.length - 1 || DATA.ticks.length < 2).filter((tick, index, all) => all.length <= room || index % Math.ceil(all.length / room) === 0);
    axes(svg, box, ticks.map((tick) => [x(tick), `${tick} ms`]), steps(floor, top).map((step) => [y(step), String(Number(step.toFixed(4)))]), ["p50 latency, log scale", "mAP"]);
    const ruler = make("line", { class: "at", y1: box.top, y2: box.bottom, id: "ruler-line" });
    svg.append(ruler);
    for (const [study, index] of shown()) {
      if (!study.front.length) continue;
      const path = study.front.map(([at, map], place) => (place ? `H${x(at)}V${y(map)}` : `M${x(at)},${y(map)}`)).join("") + `H${box.right}`;
      svg.append(make("path", { d: path, fill: "none", stroke: study.colour, "stroke-width": 1.8, "stroke-dasharray": DASHES[index] }));
      if (study.baseline && study.baseline[0] >= low && study.baseline[0] <= high) {
        svg.append(point(study, index, study.baseline, x, y, `its baseline, ${study.baseline[3]}`));
      }
      for (const one of study.front) svg.append(point(study, index, one, x, y, one[2] === study.pick ? "its pick" : ""));
    }
    byId("fronts").ruler = { x, ruler };
    placeRuler();
  }

  function point(study, index, [at, map, number, unstable], x, y, role) {
    const words = `${study.name}, trial ${number}: mAP ${share(map)} at ${ms(at)}${unstable === 1 ? ", latency unstable" : ""}${role ? `, ${role}` : ""}`;
    const baseline = role.startsWith("its baseline");
    const mark = make("g", { class: `mark${role === "its pick" ? " pick" : ""}`, transform: `translate(${x(at)},${y(map)})`, tabindex: "-1", role: "img", "aria-label": words },
      make("circle", { class: "ring", r: 9 }), baseline ? make("path", { d: SHAPES.star, transform: "scale(1.25)", fill: "none", stroke: study.colour, "stroke-width": 1.3 }) : shape(index, unstable === 1), make("circle", { r: 13, fill: "transparent" }));
    const say = () => { byId("front-words").textContent = words; };
    mark.addEventListener("pointerenter", say);
    mark.addEventListener("focus", say);
    if (DATA.links) mark.addEventListener("click", () => { location.href = `${study.address}#trial-${number}`; });
    return mark;
  }

  // Arrow keys go from mark to mark, along the latencies.
  function walk(event) {
    const marks = [...byId("fronts").querySelectorAll(".mark")].sort((one, other) => one.getBoundingClientRect().x - other.getBoundingClientRect().x);
    const at = marks.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at < 0 ? marks.length - 1 : at - 1, Home: 0, End: marks.length - 1 }[event.key];
    if (next === undefined || !marks.length) return;
    event.preventDefault();
    marks[Math.min(marks.length - 1, Math.max(0, next))].focus({ preventScroll: true });
  }

  const bestWithin = (front, limit) => front.filter(([at]) => at <= limit * 1.0000001).at(-1);
  const place = () => low * (high / low) ** (Number(byId("at").value) / 1000);

  function placeRuler() {
    const { x, ruler } = byId("fronts").ruler;
    const at = START.at ?? place();
    ruler.setAttribute("x1", x(at));
    ruler.setAttribute("x2", x(at));
    byId("at-ms").textContent = ms(at);
    byId("at").setAttribute("aria-valuetext", ms(at));
    const found = shown().map(([study, index]) => [study, index, bestWithin(study.front, at)]);
    const most = Math.max(...found.map(([, , one]) => (one ? one[1] : 0)));
    const parts = found.flatMap(([study, , one], index) => [index ? ", " : "", `${study.name} `, one ? html("b", {}, share(one[1])) : "nothing so fast", one && most - one[1] < 0.0005 && found.length > 1 ? " ▲" : ""]);
    byId("at-words").replaceChildren(html("b", {}, `At ${ms(at)}: `), ...parts, ".");
  }

  function drawVolumes() {
    const longest = Math.max(...DATA.studies.map((study) => (study.volume.length ? study.volume.at(-1)[0] : 0)), 1);
    const [unit, size] = longest > 7200 ? ["hours", 3600] : longest > 120 ? ["minutes", 60] : ["seconds", 1];
    const [svg, box] = frame(byId("volumes"), "Hypervolume of the studies over the time that was worked", 300);
    const top = Math.max(...DATA.studies.map((study) => (study.volume.length ? study.volume.at(-1)[1] : 0)), 0.01) * 1.08;
    const x = (seconds) => box.left + (seconds / longest) * (box.right - box.left);
    const y = (value) => box.bottom - (value / top) * (box.bottom - box.top);
    const room = Math.max(2, (box.right - box.left) / 60);
    const across = steps(0, longest / size).filter((step, index, all) => all.length <= room || index % 2 === 0);
    axes(svg, box, across.map((step) => [x(step * size), String(step)]), steps(0, top).map((step) => [y(step), String(Number(step.toFixed(4)))]), [`${unit} of work`, "hypervolume"]);
    for (const [study, index] of shown()) {
      if (!study.volume.length) continue;
      const path = study.volume.map(([at, value], order) => (order ? `H${x(at)}V${y(value)}` : `M${x(at)},${y(value)}`)).join("");
      svg.append(make("path", { d: path, fill: "none", stroke: study.colour, "stroke-width": 2, "stroke-dasharray": DASHES[index] }));
      const [at, value] = study.volume.at(-1);
      svg.append(make("g", { transform: `translate(${x(at)},${y(value)})` }, shape(index)));
    }
  }

  function draw() { drawFronts(); drawVolumes(); }

  function address() {
    const query = new URLSearchParams(location.search);
    if (START.at !== null) query.set("at", String(START.at)); else query.set("at", place().toPrecision(4));
    for (const name of ["hide"]) query.delete(name);
    for (const index of [...hidden].sort()) query.append("hide", DATA.studies[index].name);
    if (location.protocol.startsWith("http")) history.replaceState(null, "", `${location.pathname}?${query}`);
    if (byId("address")) byId("address").textContent = location.href;
  }

  function names() {
    byId("names").replaceChildren(...DATA.studies.map((study, index) => {
      const button = html("button", { type: "button", "aria-pressed": String(!hidden.has(index)) }, glyph(index), study.name);
      button.addEventListener("click", () => {
        if (hidden.has(index)) hidden.delete(index); else if (hidden.size < DATA.studies.length - 1) hidden.add(index);
        names();
        draw();
        address();
        byId("names").querySelectorAll("button")[index].focus();
      });
      return html("li", {}, button);
    }));
  }

  for (const holder of document.querySelectorAll("[data-series]")) holder.prepend(glyph(Number(holder.dataset.series)));
  if (byId("fronts")) {
    const query = new URLSearchParams(location.search);
    for (const name of query.getAll("hide")) { const index = DATA.studies.findIndex((study) => study.name === name); if (index >= 0 && hidden.size < DATA.studies.length - 1) hidden.add(index); }
    const asked = Number(query.get("at"));
    const first = asked > 0 ? asked : Math.sqrt(low * high);
    const kept = Math.min(high, Math.max(low, first));
    byId("at").value = Math.round((1000 * Math.log(kept / low)) / Math.log(high / low));
    START.at = asked > 0 && kept === asked ? asked : null;
    byId("ruler").hidden = false;
    byId("at").addEventListener("input", () => { START.at = null; placeRuler(); });
    byId("at").addEventListener("change", address);
    byId("fronts").setAttribute("tabindex", "0");
    byId("fronts").setAttribute("role", "group");
    byId("fronts").setAttribute("aria-label", "The fronts; arrow keys go from detector to detector");
    byId("fronts").addEventListener("keydown", walk);
    names();
    draw();
    if (byId("address")) byId("address").textContent = location.href;
    let wide = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== wide) { wide = innerWidth; draw(); } });
  }
  document.documentElement.dataset.ready = "yes";
})();
