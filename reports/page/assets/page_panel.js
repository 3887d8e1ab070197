// One trial in full: the side panel, and the small card under the pointer.
const panel = byId("panel");
const card = byId("hovercard");
let cameFrom = null;

function quick(row) {
  const list = element("dl", { class: "quick" });
  for (const [name, value] of [["mAP50", share(row.map50)], ["mAP", share(row.map)], ["p95", ms(row.p95)], ["p50", ms(row.p50)]]) {
    if (value !== "–") list.append(element("dt", {}, name), element("dd", {}, ...doubtful(value, row, name === "mAP50" ? "mAP" : name)));
  }
  return list;
}

// Why figures with the mark are rough.
function doubts(row) {
  const said = Object.entries(row.doubts || {}).map(([figure, words]) => element("li", {}, `${figure} ${words}`));
  return said.length ? element("ul", { class: "doubts" }, ...said) : "";
}

function badges(row) {
  const list = element("ul", { class: "badges" });
  const add = (text, kind) => list.append(element("li", { class: kind }, text));
  add(statusOf(row), "");
  if (row.baseline) add(`baseline ${row.baseline}`, "");
  else if (row.kind) add(row.kind, "");
  if (row.front) add("on the front", "");
  if (row.gate) add("passes the gate", "good");
  if (row.unstable) add("latency unstable", "bad");
  if (row.elsewhere) add("measured on another device", "bad");
  if (row.batch) add(`${row.batch} after out of memory`, "bad");
  if (row.copied !== undefined) add(`copied from ${origin(row)}`, "");
  if (row.removed) add("files removed", "");
  return list;
}

const origin = (row) => `trial ${row.copied}${REPORT.forked_from ? ` of ${REPORT.forked_from}` : ""}`;

function facts(title, pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "–" && value !== "");
  if (!known.length) return "";
  const body = element("tbody");
  for (const [name, value] of known) body.append(element("tr", {}, element("td", {}, name), element("td", { class: "value" }, value)));
  return element("div", {}, element("h3", {}, title), element("table", {}, body));
}

const trialLink = (number) => element("a", { href: `#trial-${number}` }, `trial ${number}`);

// Of a child: its parent, how it was chosen, the choices that differ. Of a polish: what it goes on from. Of a parent: its children.
function family(row) {
  if (row.parent !== undefined) {
    const differing = (row.differs || []).map(([name, own, child]) => element("tr", {}, element("td", {}, name), element("td", { class: "number" }, plain(own)), element("td", { class: "number" }, plain(child))));
    const head = element("tr", {}, element("th", {}, "differs in"), element("th", { class: "number" }, "parent"), element("th", { class: "number" }, "child"));
    return element("div", {}, element("h3", {}, "Child of ", trialLink(row.parent)),
      element("p", { class: "hint" }, `Cut from the weights of ${`trial ${row.parent}`} and not trained itself; ${row.chosen}.`),
      differing.length ? element("table", {}, element("thead", {}, head), element("tbody", {}, ...differing)) : "");
  }
  if (row.proves !== undefined) {
    return element("div", {}, element("h3", {}, "Proof of ", trialLink(row.proves)), element("p", { class: "hint" }, `Trained again with seed ${row.seed}; no candidate of the search.`));
  }
  if (row.polishes !== undefined) {
    const before = REPORT.rows.find((other) => other.n === row.polishes);
    const gain = before && before.map != null && row.map != null ? `: mAP ${plain(before.map)} before, ${plain(row.map)} after` : "";
    return element("div", {}, element("h3", {}, "Polish of ", trialLink(row.polishes)), element("p", { class: "hint" }, `Trained on from its weights, as one detector${gain}.`));
  }
  const carried = row.carried === undefined ? "" : element("div", {}, element("h3", {}, "Carried along"), element("p", { class: "hint" }, `It was ${row.carried}: scored here by its own weights, and not trained.`));
  if (!row.family) return carried;
  const links = row.members.flatMap((number, index) => [index ? ", " : "", element("a", { href: `#trial-${number}` }, String(number))]);
  const all = element("button", { type: "button", class: "fold" }, "show them in the table");
  all.addEventListener("click", () => { closePanel(); unfold(row.n); byId("trials").scrollIntoView(); });
  return element("div", {}, carried, element("h3", {}, "Its children"), element("p", { class: "hint" }, `${row.family}. `, row.children ? all : ""),
    links.length ? element("p", { class: "hint" }, "On the front, the fastest first: ", ...links) : "");
}

// Why it was proposed, what was decided at its rungs, how the predictions held: lines of reports/analysis/reasons.py.
function reasons(row) {
  if (!row.reasons) return "";
  const list = element("dl", { class: "reasons" });
  row.reasons.forEach(([label, text], index) => {
    const repeated = index > 0 && row.reasons[index - 1][0] === label;
    list.append(element("dt", {}, repeated ? "" : label), element("dd", {}, text));
  });
  return element("div", {}, element("h3", {}, "Why"), list);
}

// What it died of, each time: cause, what was there, how it went on, the end of the log.
function deaths(row) {
  if (!row.deaths) return "";
  const parts = row.deaths.map((death) => element("div", { class: "death" },
    element("p", {}, element("b", {}, death.title), ` ${death.cause}`),
    death.resources ? element("p", { class: "hint" }, `Died ${death.resources}.`) : "",
    death.sequel ? element("p", { class: "hint" }, `${death.title === "failed" ? "What to do" : "Then"}: ${death.sequel}.`) : "",
    death.log ? element("details", {}, element("summary", {}, "end of its log"), element("pre", {}, death.log)) : ""));
  return element("div", {}, element("h3", {}, row.outcome === "failed" ? "How it failed" : "Earlier attempts"), ...parts);
}

// Where it lies, and how to get it; a detector whose files were removed cannot be exported.
function taking(row) {
  if (row.outcome !== "finished") return "";
  const line = row.removed
    ? element("p", { class: "hint" }, `${row.removed} were removed to keep the study’s folder under store.size_mb_max; what it needs to be trained again is kept.`)
    : element("code", {}, ACTIONS.exportLine(row));
  return element("div", {}, element("h3", {}, "Take it"), line);
}

function latencies(row) {
  const { untrained, trained } = row;
  if (!untrained && !trained) return "";
  const protocol = row.quick ? "quick protocol" : "full protocol";
  const columns = row.parent !== undefined ? [[`of its file, ${protocol}`, trained]] : [["before training", untrained], [row.kind ? `after, ${protocol}` : "after", trained]];
  const head = element("tr", {}, element("th"), ...columns.map(([name]) => element("th", { class: "number" }, name)));
  const body = element("tbody");
  const line = (name, form) => body.append(element("tr", {}, element("td", {}, name),
    ...columns.map(([, item]) => element("td", { class: "number" }, item ? form(item) : "–"))));
  line("p50", (item) => ms(item.p50_ms));
  line("p95", (item) => ms(item.p95_ms));
  line("p50, 95 % interval", (item) => `${digits(item.p50_low_ms)} to ${digits(item.p50_high_ms)}`);
  line("network alone", (item) => ms(item.network_ms));
  line("images timed", (item) => item.samples.toLocaleString("en-US"));
  line("reference network", (item) => ms(item.reference_ms));
  line("peak memory", (item) => (item.peak_bytes ? bytes(item.peak_bytes) : "–"));
  if ([untrained, trained].some((item) => item && item.images_per_s != null)) {
    line("images/s, best batch", (item) => (item.images_per_s != null ? `${digits(item.images_per_s)} at ${item.best_batch}` : "–"));
  }
  line("stable", (item) => (item.stable ? "yes" : "no"));
  if ([untrained, trained].some((item) => item && item.measured_at)) {
    line("measured, UTC", (item) => (item.measured_at ? `${item.measured_at.slice(0, 16).replace("T", " ")}${item.kept ? ", kept" : ""}` : "–"));
  }
  const notes = [...new Set([untrained, trained].flatMap((item) => item ? [item.note, item.batch_note] : []).filter(Boolean))];
  return element("div", {}, element("h3", {}, "Latency, end to end at batch 1"),
    element("table", {}, element("thead", {}, head), body), ...notes.map((note) => element("p", { class: "hint" }, note)));
}

// What it takes on each device of the study, and where it stands there.
function onDevices(row) {
  const places = (REPORT.on_devices || {})[row.n];
  if (!places) return "";
  const head = element("tr", {}, ...["", "p50", "p95", "front", "gate"].map((name) => element("th", { class: name ? "number" : "" }, name)));
  const lines = REPORT.devices.map((name, index) => {
    const [p50, p95, front, gate] = places[index];
    return element("tr", {}, ...[name, ms(p50), ms(p95), front ? "●" : "", gate ? "✓" : ""].map((text, at) => element("td", { class: at ? "number" : "" }, text)));
  });
  return element("div", {}, element("h3", {}, "On each device"), element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines)));
}

// A curve of mAP by epoch; dots where the pruner decided.
function spark(rungs) {
  if (!rungs || rungs.length < 2) return "";
  const space = "http://www.w3.org/2000/svg";
  const make = (tag, attributes) => {
    const made = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const last = rungs[rungs.length - 1][0];
  const top = Math.max(...rungs.map((rung) => rung[2]), 0.01);
  const at = (epoch, value) => [6 + (448 * epoch) / last, 88 - (80 * value) / top];
  const svg = make("svg", { viewBox: "0 0 460 96", class: "spark", role: "img", "aria-label": "mAP by epoch" });
  svg.append(make("line", { x1: 6, x2: 454, y1: 88, y2: 88, stroke: "var(--line)" }));
  for (const [index, colour] of [[2, "var(--finished)"], [1, "var(--front)"]]) {
    const points = rungs.map((rung) => at(rung[0], rung[index]).join(",")).join(" ");
    svg.append(make("polyline", { points, fill: "none", stroke: colour, "stroke-width": 2 }));
  }
  for (const rung of rungs.filter((item) => item[3])) {
    const [cx, cy] = at(rung[0], rung[1]);
    svg.append(make("circle", { cx, cy, r: 3.4, fill: "var(--front)" }));
  }
  const end = rungs[rungs.length - 1];
  return element("div", {}, element("h3", {}, "Training"), svg,
    element("p", { class: "hint" }, `Validator after ${last} epochs: mAP50 ${share(end[2])} (grey), mAP ${share(end[1])} (blue); dots are the pruner’s rungs.`));
}

function resources(row) {
  const cost = row.resources || {};
  const stages = Object.entries(cost.seconds || {}).map(([stage, seconds]) => [`time to ${stage}`, duration(seconds)]);
  return facts("Resources", [
    ["parameters", count(cost.parameters)], ["multiply-adds per image", count(cost.multiply_adds)],
    ["deployable file", bytes(cost.artifact_bytes)], ["peak memory in training", bytes(cost.training_peak_bytes)],
    ...stages, ["trial in all", duration(row.seconds)], ["started", row.started],
  ]);
}

function configuration(row) {
  return facts("Configuration", REPORT.dimensions.map((name, index) => [name, row.candidate[index]])
    .filter(([, value]) => value !== null).map(([name, value]) => [name, plain(value)]));
}

// A page on disk carries as many pictures as keep it small: whose, says reports/page/pictures.py.
function notCarried(row) {
  if (REPORT.live || row.outcome !== "finished" || row.removed || !Object.keys(REPORT.pictures).length) return "";
  return element("p", { class: "hint" }, `No picture here: this file carries those of the winner, the front and the most accurate others, as far as they fit. automl show ${REPORT.study} ${row.n} says where this trial’s files are.`);
}

function openPanel(number) {
  const row = BY_NUMBER.get(number);
  if (!row) return closePanel();
  if (panel.hidden) cameFrom = document.activeElement;
  panel.dataset.number = number;
  panel.replaceChildren(...panelParts(row));
  panel.hidden = false;
  panel.scrollTop = 0;
  panel.focus({ preventScroll: true });
  document.querySelectorAll("#table tr[data-number]").forEach((line) => line.classList.toggle("open", Number(line.dataset.number) === number));
}

// What the panel shows of a trial; `kept` are parts that others have made before and bring up to date themselves.
function panelParts(row, kept = {}) {
  const number = row.n;
  const close = element("button", { class: "close", type: "button" }, "close ×");
  close.addEventListener("click", closePanel);
  const picture = REPORT.pictures[number];
  return [
    element("header", {}, element("h2", { id: "panel-title" }, `Trial ${number}`), close),
    badges(row),
    row.architecture ? element("p", {}, row.architecture) : "",
    row.reason && row.outcome !== "failed" ? element("p", { class: "hint" }, row.reason) : "",
    quick(row),
    doubts(row),
    kept.actions || part("actions", actions(row)),
    picture ? element("img", { class: "picture", src: picture, alt: `Validation images with the detections of trial ${number}` }) : notCarried(row),
    kept.detections || part("detections", detections(row)), family(row), deaths(row), reasons(row), onDevices(row), latencies(row), spark(row.rungs), configuration(row), resources(row), taking(row),
    row.brief ? element("p", { class: "hint" }, "In a study of this size, all of this trial is told by") : "",
    row.brief ? element("code", {}, `automl show ${REPORT.study} ${number}`) : "",
  ];
}

function part(name, made) {
  if (made instanceof Element) made.dataset.part = name;
  return made;
}

function closePanel() {
  if (panel.hidden) return;
  panel.hidden = true;
  document.querySelectorAll("#table tr.open").forEach((line) => line.classList.remove("open"));
  if (location.hash.startsWith("#trial-")) history.replaceState(null, "", location.pathname + location.search);
  if (cameFrom && cameFrom.focus) cameFrom.focus({ preventScroll: true });
}

function followHash() {
  const match = /^#trial-(\d+)$/.exec(location.hash);
  if (match) openPanel(Number(match[1]));
}

const show = (number) => (location.hash === `#trial-${number}` ? openPanel(number) : (location.hash = `trial-${number}`));
window.addEventListener("hashchange", followHash);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closePanel(); });

function showCard(number, pointer) {
  const row = BY_NUMBER.get(number);
  if (!row) return;
  const marks = [statusOf(row), row.baseline && `baseline ${row.baseline}`, !row.baseline && row.kind, row.front && "on the front", row.gate && "passes the gate", row.unstable && "latency unstable", row.batch];
  const picture = REPORT.pictures[number];
  card.replaceChildren(element("b", {}, `Trial ${number}`), " ", element("span", { class: "marks" }, marks.filter(Boolean).join(", ")),
    element("div", {}, row.architecture), quick(row), picture ? element("img", { src: picture, alt: "" }) : "");
  card.hidden = false;
  const box = card.getBoundingClientRect();
  const left = pointer.clientX + 18 + box.width > innerWidth ? pointer.clientX - box.width - 18 : pointer.clientX + 18;
  card.style.left = `${Math.max(8, left)}px`;
  card.style.top = `${Math.max(8, Math.min(pointer.clientY - 40, innerHeight - box.height - 8))}px`;
}
const hideCard = () => { card.hidden = true; };
