// One trial's validation images: labels and detections drawn over them, right, wrong and missed at any confidence.
// What is above which confidence was worked out before (reports/detections/payload.py): here it is counted and drawn.
// `detections(row)` is what a trial's panel shows; all other names stay in here.
const detections = (() => {
const { readShots, marksOf, talliesAt, precisionOf, recallOf, f1Of, RIGHT_KIND, CONFUSED_KIND, MISSED_KIND } = counted;
const SHOTS_A_PAGE = 12, SHOTS_IN_PANEL = 6;
const KIND_WORDS = { confused: "wrong class", localisation: "poorly placed", duplicate: "found twice", background: "nothing is labelled there", missed: "missed" };
const TAG_PX = { letter: 6.1, height: 16, edge: 10 }; // of a name over a picture: names that would cover one another are left out
const SMALL_PX = 280, LARGE_PX = 900; // about the width of a picture, by which names are placed
const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(1)} %`);
const atWords = (value) => String(Number(value.toFixed(4)));

const SVG = "http://www.w3.org/2000/svg";
function drawn(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const scoreWords = (mark) => (mark.score === null ? "" : ` ${Math.round(100 * mark.score)} %`);
const MARK_SIGNS = { right: "✓", wrong: "✗", missed: "?" };
function markWords(mark) {
  if (mark.state === "right") return `${mark.name}${scoreWords(mark)}`;
  if (mark.state === "missed") return mark.over ? `${mark.name}, taken for ${mark.over}` : `${mark.name} missed`;
  return mark.over ? `${mark.name}${scoreWords(mark)}, is ${mark.over}` : `${mark.name}${scoreWords(mark)}, ${KIND_WORDS[mark.kind]}`;
}

// An image with its boxes; names stand over it as text of the page's own size, errors first, as many as have a place.
function shotFigure(data, shot, marks, address, view) {
  const overlay = drawn("svg", { viewBox: `0 0 ${shot.width} ${shot.height}`, "aria-hidden": "true", class: "boxes" });
  const frame = element("div", { class: "shot" });
  const image = element("img", { src: shot.source || address, alt: "", loading: "lazy", decoding: "async", width: shot.width, height: shot.height });
  image.addEventListener("error", () => { frame.classList.add("gone"); frame.append(element("p", { class: "hint" }, "This image cannot be shown: it is gone from the data set, or cannot be read.")); }, { once: true });
  frame.append(image, overlay);
  const box = (kind, [left, top, width, height]) => drawn("rect", {
    class: kind, x: (left / 10000) * shot.width, y: (top / 10000) * shot.height, width: Math.max((width / 10000) * shot.width, 0), height: Math.max((height / 10000) * shot.height, 0), "vector-effect": "non-scaling-stroke",
  });
  if (view.truth) for (const label of shot.labels) if (label.steps > view.truthAt) overlay.append(box("truth", label.box));
  const drawOrder = { right: 0, missed: 1, wrong: 2 };
  for (const mark of [...marks].sort((a, b) => drawOrder[a.state] - drawOrder[b.state])) {
    const group = drawn("g", { class: `${mark.state}${mark.meant ? "" : " other"}` });
    group.append(box("casing", mark.box), box("line", mark.box));
    overlay.append(group);
  }
  const large = view.large.has(shot.key);
  frame.append(...tagsOf(shot, marks.filter((mark) => mark.meant), large ? LARGE_PX : SMALL_PX));
  const size = element("button", { type: "button", class: "fold" }, large ? "smaller" : "larger");
  size.addEventListener("click", () => view.resize(shot.key));
  return element("figure", { class: large ? "large" : false, "data-key": shot.key }, frame, element("figcaption", {}, element("b", {}, shot.name), ` ${shotWords(marks)} `, size));
}

function tagsOf(shot, marks, width) {
  const height = (width * shot.height) / shot.width;
  const order = { wrong: 0, missed: 1, right: 2 };
  const placed = [], tags = [];
  for (const mark of [...marks].sort((a, b) => order[a.state] - order[b.state])) {
    const text = `${MARK_SIGNS[mark.state]} ${markWords(mark)}`;
    const wide = Math.min(text.length * TAG_PX.letter + TAG_PX.edge, width);
    const x = Math.min(Math.max((mark.box[0] / 10000) * width, 0), width - wide);
    const ends = { over: (mark.box[1] / 10000) * height - TAG_PX.height, under: ((mark.box[1] + mark.box[3]) / 10000) * height };
    const y = Math.min(Math.max(mark.state === "missed" ? ends.under : ends.over, 0), height - TAG_PX.height);
    if (placed.some((one) => x < one.x + one.wide && one.x < x + wide && Math.abs(y - one.y) < TAG_PX.height)) continue;
    placed.push({ x, y, wide });
    const tag = element("span", { class: `tag-of ${mark.state}` }, text);
    tag.style.left = `${(100 * x) / width}%`;
    tag.style.top = `${(100 * y) / height}%`;
    tags.push(tag);
  }
  return tags;
}

// The same in words, errors first; many alike are counted.
function shotWords(marks) {
  const numbers = ["right", "wrong", "missed"].map((state) => `${marks.filter((mark) => mark.state === state).length} ${state}`).join(", ");
  const said = new Map();
  for (const mark of marks) {
    if (mark.state === "right" || !mark.meant) continue;
    const words = mark.state === "missed" ? markWords(mark) : markWords({ ...mark, score: null });
    said.set(words, (said.get(words) || 0) + 1);
  }
  const listed = [...said].slice(0, 6).map(([words, times]) => (times > 1 ? `${words} (${times})` : words)).join("; ");
  return `${numbers}${listed ? `: ${listed}${said.size > 6 ? "; …" : ""}` : "."}`;
}

// Precision, recall and F1 over confidence, with the place of the slider.
function curvesFigure(data) {
  const svg = drawn("svg", { viewBox: "0 0 320 110", class: "over-confidence", role: "img", "aria-label": "Precision, recall and F1 over confidence; the numbers stand beside it." });
  const x = (value) => 28 + 284 * value, y = (value) => 96 - 88 * value;
  for (const value of [0, 0.5, 1]) {
    svg.append(drawn("line", { x1: x(0), x2: x(1), y1: y(value), y2: y(value), class: "grid" }));
    svg.append(drawn("text", { x: 24, y: y(value) + 3, "text-anchor": "end" }, String(value)));
    svg.append(drawn("text", { x: x(value), y: 108, "text-anchor": "middle" }, String(value)));
  }
  const curve = data.curves.all;
  const at = (i) => ({ right: curve.right[i], wrong: curve.wrong[i], labels: curve.labels });
  for (const [name, of] of [["precision", precisionOf], ["recall", recallOf], ["f1", f1Of]]) {
    const points = data.grid.flatMap((value, i) => (name === "precision" && !at(i).right && !at(i).wrong ? [] : [`${x(value).toFixed(1)},${y(of(at(i)) || 0).toFixed(1)}`]));
    svg.append(drawn("polyline", { points: points.join(" "), class: name }));
  }
  const needle = drawn("line", { y1: y(1), y2: y(0), class: "needle" });
  svg.append(needle);
  const move = (i) => { needle.setAttribute("x1", x(data.grid[i])); needle.setAttribute("x2", x(data.grid[i])); };
  return [svg, move];
}

// One trial's side: its slider and its numbers. `moved` is called when the confidence changed, `settled` when it stays.
function sideOf(data, moved, settled) {
  const side = { data, at: data.start };
  const id = `confidence-${data.number}-${Math.random().toString(36).slice(2, 8)}`;
  const slider = element("input", { type: "range", id, min: 0, max: data.grid.length - 1, step: 1, value: data.start });
  const value = element("output", { for: id });
  const deployed = element("button", { type: "button", class: "fold" }, "as deployed");
  const body = element("tbody");
  const [figure, needle] = curvesFigure(data);
  side.set = (at) => {
    side.at = Math.min(Math.max(at, 0), data.grid.length - 1);
    slider.value = side.at;
    moved(side);
  };
  side.write = (wanted) => {
    const tally = talliesAt(data, side.at, wanted);
    const confidence = atWords(data.grid[side.at]);
    const is = data.grid[side.at] === data.confidence ? ", as deployed" : "";
    const parts = tally ? [["precision", percent(precisionOf(tally))], ["recall", percent(recallOf(tally))], ["F1", percent(f1Of(tally))], ["right", tally.right], ["wrong", tally.wrong], ["missed", tally.labels - tally.right]] : [];
    value.textContent = `${confidence}${is}`;
    slider.setAttribute("aria-valuetext", `confidence ${confidence}${is}${parts.slice(0, 3).map(([name, text]) => `, ${name} ${text}`).join("")}`);
    deployed.hidden = data.grid[side.at] === data.confidence || data.confidence < data.floor;
    body.replaceChildren(
      element("tr", {}, ...parts.map(([name]) => element("th", { scope: "col", class: "number" }, name))),
      element("tr", {}, ...(parts.length ? parts : [["", "Numbers of a class and a size together are in the served page: automl browse."]]).map(([name, text]) => element("td", { class: name ? "number" : "long", "data-of": name.toLowerCase() || false }, typeof text === "number" ? text.toLocaleString("en-US") : text))),
    );
    needle(side.at);
  };
  slider.addEventListener("input", () => side.set(Number(slider.value)));
  slider.addEventListener("change", () => settled());
  deployed.addEventListener("click", () => { side.set(data.start); settled(); slider.focus(); });
  const notes = [];
  if (data.confidence < data.floor) notes.push(`It is deployed at ${atWords(data.confidence)}; what it finds below ${atWords(data.floor)} was not kept.`);
  if (data.lost) notes.push(`${data.lost.toLocaleString("en-US")} of the images that it was scored on are not in the data set as they were: these numbers leave them out.`);
  side.element = element("div", { class: "side" },
    element("div", { class: "numbers" }, element("p", { class: "over" }, `Trial ${data.number} · ${data.split} · ${data.total.toLocaleString("en-US")} images`),
    element("p", { class: "confidence" }, element("label", { for: id }, "confidence over "), value, " ", deployed), slider,
    element("div", { class: "scroll" }, element("table", { class: "tally" }, body)), ...notes.map((text) => element("p", { class: "hint" }, text))),
    element("div", {}, figure,
    element("ul", { class: "legend curve-names", "aria-hidden": "true" }, ...["precision", "recall", "F1"].map((name) => element("li", {}, element("span", { class: name.toLowerCase() }, name))))));
  return side;
}

function selectOf(title, options, changed) {
  const select = element("select", { "aria-label": title }, ...options.map(([value, text]) => element("option", { value }, text)));
  select.addEventListener("change", () => changed(select.value));
  return [element("label", {}, `${title} `, select), select];
}

// All of it for one trial, and for another beside it.
function shotsView(data, addressOf, perPage, beside) {
  const view = { truth: true, large: new Set(), page: 0, order: "worst", wanted: { label: "", kind: "", size: "", pair: "" }, sides: [], order_of: [] };
  const grid = element("div", { class: "shots" });
  const shown = element("span", { "aria-live": "polite" });
  const previous = element("button", { type: "button" }, "‹ previous"), next = element("button", { type: "button" }, "next ›");
  const sides = element("div", { class: "sides" });
  const together = element("input", { type: "checkbox", checked: true });
  let waiting = 0;

  const countsIn = (shot, at) => { // without a filter: by far the most images of a large set
    let right = 0, wrong = 0, sure = 0;
    for (const item of shot.found) {
      if (item.steps <= at) break; // the surest come first
      if (item.kind === RIGHT_KIND) right += 1;
      else { wrong += 1; sure = Math.max(sure, item.score); }
    }
    const bad = wrong + shot.labels.length - right;
    return { shot, meant: right + bad, bad, right, sure };
  };
  const errorsIn = (shot) => {
    const marks = marksOf(data, shot, view.sides[0].at, view.wanted);
    const meant = marks.filter((mark) => mark.meant);
    const bad = meant.filter((mark) => mark.state !== "right");
    return { shot, meant: meant.length, bad: bad.length, right: meant.length - bad.length, sure: Math.max(0, ...bad.map((mark) => mark.score || 0)) };
  };
  const sort = () => {
    const filtered = Object.values(view.wanted).some((value) => value !== "");
    const found = filtered ? data.images.map(errorsIn).filter((item) => item.meant) : data.images.map((shot) => countsIn(shot, view.sides[0].at));
    const worst = (a, b) => b.bad - a.bad || a.right - b.right || a.shot.key - b.shot.key;
    const orders = { worst, best: (a, b) => a.bad - a.right - (b.bad - b.right) || a.shot.key - b.shot.key, sure: (a, b) => b.sure - a.sure || worst(a, b), file: (a, b) => a.shot.key - b.shot.key };
    view.order_of = found.sort(orders[view.order]).map((item) => item.shot);
    view.page = Math.min(view.page, Math.max(0, Math.ceil(view.order_of.length / perPage) - 1));
  };
  const draw = () => {
    for (const side of view.sides) side.write(view.wanted);
    const first = view.page * perPage, page = view.order_of.slice(first, first + perPage);
    const all = view.order_of.length;
    shown.textContent = all ? `images ${first + 1} to ${first + page.length} of ${all.toLocaleString("en-US")}${data.whole ? "" : `; all ${data.total.toLocaleString("en-US")}: automl browse`}` : "no image has what is asked for";
    previous.disabled = !view.page;
    next.disabled = first + page.length >= all;
    grid.classList.toggle("two", view.sides.length > 1);
    redraw(page);
  };
  view.resize = (key) => {
    if (!view.large.delete(key)) view.large.add(key);
    draw();
    grid.querySelector(`[data-key="${Number(key)}"] button`).focus();
  };
  const redraw = (page) => {
    grid.replaceChildren(...page.map((shot) => {
      const figures = view.sides.map((side) => {
        const own = side.data.byKey.get(shot.key);
        return own ? shotFigure(side.data, own, marksOf(side.data, own, side.at, view.wanted), addressOf(own, view.large.has(own.key)), { ...view, truthAt: side.at }) : element("p", { class: "hint" }, `Trial ${side.data.number} was not scored on this image.`);
      });
      return figures.length > 1 ? element("div", { class: view.large.has(shot.key) ? "two-shots large" : "two-shots" }, ...figures) : figures[0];
    }));
  };
  const pairs = () => {
    const found = new Map();
    const at = view.sides[0].at;
    for (const shot of data.images.filter((one) => one.found.some((item) => item.kind === CONFUSED_KIND && item.steps > at))) {
      for (const mark of marksOf(data, shot, at, view.wanted)) if (mark.state === "missed" && mark.pair) found.set(mark.pair, (found.get(mark.pair) || 0) + 1);
    }
    const named = (pair) => pair.split(">").map((index) => data.classes[Number(index)]);
    const options = [...found].sort((a, b) => b[1] - a[1]).slice(0, 50).map(([pair, times]) => [pair, `${named(pair)[0]} taken for ${named(pair)[1]}: ${times}`]);
    if (view.wanted.pair && !found.has(view.wanted.pair)) options.push([view.wanted.pair, `${named(view.wanted.pair)[0]} taken for ${named(view.wanted.pair)[1]}: 0`]);
    pairSelect.replaceChildren(element("option", { value: "" }, options.length ? "any" : "none at this confidence"), ...options.map(([value, text]) => element("option", { value }, text)));
    pairSelect.value = view.wanted.pair;
  };
  const again = () => { sort(); pairs(); draw(); };
  const change = (name) => (value) => { view.wanted[name] = value; view.page = 0; again(); };
  const moved = (side) => {
    if (view.sides.length > 1 && together.checked && !moved.following) {
      moved.following = true;
      for (const other of view.sides) if (other !== side) other.set(nearest(other.data.grid, side.data.grid[side.at]));
      moved.following = false;
    }
    if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; draw(); });
  };
  const [byLabel] = selectOf("class", [["", "all"], ...data.classes.map((name, index) => [index, name])], change("label"));
  const [byKind] = selectOf("kind", [["", "any"], ["wrong", "wrong, all kinds"], ...data.kinds.slice(1).map((kind) => [kind, `wrong: ${KIND_WORDS[kind] || kind}`]), [MISSED_KIND, "missed"], [data.kinds[0], "right"]], change("kind"));
  const [bySize] = selectOf("size", [["", "any"], ...data.sizes.map((name, index) => [index, name])], change("size"));
  const [byPair, pairSelect] = selectOf("confusion", [["", "any"]], change("pair"));
  const truth = element("input", { type: "checkbox", checked: true });
  truth.addEventListener("change", () => { view.truth = truth.checked; draw(); });
  const [byOrder] = selectOf("first", [["worst", "most errors"], ["sure", "surest error"], ["best", "best"], ["file", "as in the data set"]], (value) => { view.order = value; view.page = 0; again(); });
  previous.addEventListener("click", () => { view.page -= 1; draw(); });
  next.addEventListener("click", () => { view.page += 1; draw(); });
  const add = (other) => { view.sides.push(sideOf(other, moved, again)); sides.append(view.sides[view.sides.length - 1].element); };
  add(data);
  const remove = () => { const gone = view.sides.pop(); gone.element.remove(); linked.hidden = true; again(); };
  const linked = element("label", { class: "hint", hidden: true }, together, " both at one confidence");
  const bar = beside ? beside((other) => { if (view.sides.length > 1) view.sides.pop().element.remove(); add(other); linked.hidden = false; again(); }, remove) : "";
  again();
  return element("div", { class: "detections" }, sides, bar, linked,
    element("div", { class: "wanted" }, byLabel, byKind, bySize, byPair, byOrder, element("label", { class: "check" }, truth, " labelled boxes")),
    element("ul", { class: "keys", "aria-label": "Boxes" }, ...[["right", "right: solid"], ["wrong", "wrong: dashed"], ["missed", "missed: dotted"]].map(([state, text]) => element("li", {}, keyOf(state), `${MARK_SIGNS[state]} ${text}`)), element("li", {}, keyOf("truth"), "labelled and found: thin, white")),
    grid, element("div", { class: "pager" }, shown, element("span", {}, previous, " ", next)));
}

function keyOf(state) {
  const group = drawn("g", { class: state });
  for (const kind of state === "truth" ? ["truth"] : ["casing", "line"]) group.append(drawn("rect", { class: kind, x: 3, y: 3, width: 22, height: 12 }));
  return drawn("svg", { viewBox: "0 0 28 18", class: "boxes", "aria-hidden": "true" }, group);
}

function nearest(grid, value) {
  let best = 0;
  grid.forEach((one, i) => { if (Math.abs(one - value) < Math.abs(grid[best] - value)) best = i; });
  return best;
}

// Where the data comes from: the page itself, or of a served page its server, once a trial.
const SHOTS = new Map();
async function shotsOf(number) {
  if (!SHOTS.has(number)) SHOTS.set(number, fetch(`${REPORT.live.base}/trials/${number}/detections`).then(async (answer) => {
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(found.error || `the server answers ${answer.status}`);
    return readShots(found);
  }));
  try { return await SHOTS.get(number); } catch (error) { SHOTS.delete(number); throw error; }
}
const shotAddress = (shot, large) => `${REPORT.live.base}/images/${shot.key}.jpg?px=${large || devicePixelRatio > 1.5 ? 960 : 480}`;

// Asks for the number of another trial, and gives its data on.
function besideBar(own) {
  return (chosen, removed) => {
    const others = REPORT.rows.filter((row) => row.map != null && row.n !== own);
    if (!others.length) return "";
    const [label, select] = selectOf("beside", [["", "no other trial"], ...others.map((row) => [row.n, `trial ${row.n}, mAP ${share(row.map)}`])], async (value) => {
      said.textContent = "";
      panel.classList.toggle("wide", value !== "");
      if (value === "") return removed();
      try { chosen(await shotsOf(Number(value))); } catch (error) { said.textContent = error.message; select.value = ""; panel.classList.remove("wide"); }
    });
    const said = element("span", { class: "hint", role: "status" });
    return element("p", { class: "beside" }, label, " ", said);
  };
}

// In the panel they are folded away until somebody opens them: then alone they are fetched. What is open stays open.
let lastShots = { number: null, element: null };
let unfolded = false;
function ofTrial(row) {
  if (lastShots.number === row.n && lastShots.element) return lastShots.element;
  panel.classList.remove("wide");
  if (row.map == null) return "";
  const fold = element("details", { class: "shots-of", open: unfolded }, element("summary", {}, "Validation images: right, wrong, missed"));
  let filled = false;
  const fill = () => {
    unfolded = fold.open;
    if (!fold.open || filled) return;
    filled = true;
    const kept = (REPORT.detections || {})[row.n];
    if (kept) return fold.append(kept.why ? element("p", { class: "hint" }, kept.why) : shotsView(readShots(kept), () => "", SHOTS_IN_PANEL));
    if (!REPORT.live) return fold.append(element("p", { class: "hint" }, "The page of a running server shows them for every trial:"), element("code", {}, "automl browse"));
    const waits = element("p", { class: "hint", role: "status" }, "Its detections are being read …");
    fold.append(waits);
    shotsOf(row.n).then((data) => waits.replaceWith(shotsView(data, shotAddress, SHOTS_IN_PANEL, besideBar(row.n))), (error) => { waits.textContent = error.message; lastShots = { number: null, element: null }; });
  };
  fold.addEventListener("toggle", fill);
  fill();
  lastShots = { number: row.n, element: fold };
  return fold;
}

const title = () => element("h3", {}, "What it finds on the validation images");
// The winner's, in its own section of the page: the same, a copy of its own.
let winnerShown = null;
function winnerShots() {
  const holder = document.getElementById("winner-detections");
  winnerShown = REPORT.winner;
  if (!holder || REPORT.winner === null) return;
  const kept = (REPORT.detections || {})[REPORT.winner];
  if (kept && kept.why) holder.replaceChildren(element("p", { class: "hint" }, kept.why));
  else if (kept) holder.replaceChildren(title(), shotsView(readShots(kept), () => "", SHOTS_A_PAGE));
  else if (REPORT.live) {
    holder.replaceChildren(element("p", { class: "hint" }, "Its validation images are on the way."));
    const load = () => shotsOf(REPORT.winner).then((data) => holder.replaceChildren(title(), shotsView(data, shotAddress, SHOTS_A_PAGE)), (error) => holder.replaceChildren(element("p", { class: "hint" }, error.message)));
    const seen = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) { seen.disconnect(); load(); } }, { rootMargin: "300px" });
    seen.observe(holder);
  }
  holder.hidden = !kept && !REPORT.live;
  const sheet = document.getElementById("winner-picture"); // the contact sheet shows less of the same
  if (sheet && ((kept && !kept.why) || REPORT.live)) {
    sheet.closest(".card").hidden = true;
    sheet.closest(".pair").classList.add("alone");
    const classes = document.getElementById("classes");
    if (classes && classes.data) Plotly.Plots.resize(classes); // drawn before, it has the room of both now
  }
}
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", winnerShots, { once: true });
else winnerShots();
document.addEventListener("automl:changed", () => { if (REPORT.winner !== winnerShown) winnerShots(); });
return ofTrial;
})();
