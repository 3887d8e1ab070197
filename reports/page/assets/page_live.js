// The served page: what has changed since, put in place. What the reader has open, chosen or typed stays as it is.
const LIVE_WORDS = {
  running: "live", paused: "paused", ended: "the search has ended", cut: "the search was cut", "not begun": "live, not begun yet",
  away: "the store cannot be read, trying again", gone: "the study has been deleted", lost: "lost the line, trying again", behind: "lost the line, trying again",
};
const QUIET_TRY_MS = 2000;

// Search the study's server for what is new, for as long as the page is open.
function followStudy(live) {
  const sign = element("p", { id: "live-sign", role: "status", "aria-live": "polite" });
  document.body.append(sign);
  byId("report").textContent = ""; // read already; of a large study it is many megabytes
  let standing = { state: "", note: "" };
  let [busy, again] = [false, false];
  const say = (state, note = "") => {
    const words = `${LIVE_WORDS[state] || state}${note ? `: ${note}` : ""}`;
    sign.dataset.state = state;
    if (sign.textContent !== words) sign.textContent = words;
  };

  async function take() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const device = REPORT.device ? `&device=${encodeURIComponent(REPORT.device)}` : "";
      const answer = await fetch(`${live.base}/data?since=${live.revision}${device}`, { cache: "no-store" });
      const found = await answer.json();
      if (answer.ok) {
        const numbers = found.whole ? takeWhole(found.whole) : takeChanges(found.changes);
        live.revision = found.revision;
        standing = { state: found.state, note: found.note };
        document.dispatchEvent(new CustomEvent("automl:changed", { detail: { numbers, ...standing } }));
      } else if (answer.status !== 404) say("behind");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // of fetch: the server is away, and the stream says when it is back
      say("lost");
    } finally {
      busy = false;
      if (again) { again = false; take(); }
    }
  }

  // A tab that nobody looks at holds no line: browsers have six to a server, and the seventh tab would get none.
  let source = null;
  function connect() {
    if (source) source.close();
    source = null;
    if (document.hidden) return;
    source = new EventSource(`/events?study=${encodeURIComponent(REPORT.study)}`);
    source.addEventListener("changed", (event) => {
      const news = JSON.parse(event.data);
      say(news.state, news.note);
      if (news.revision !== live.revision && news.state !== "gone") take();
      else if (news.state !== standing.state) {
        standing = { state: news.state, note: news.note };
        document.dispatchEvent(new CustomEvent("automl:changed", { detail: { numbers: [], ...standing } }));
      }
    });
    source.addEventListener("error", () => {
      say("lost");
      if (source && source.readyState === EventSource.CLOSED) setTimeout(connect, QUIET_TRY_MS);
    });
  }
  say("running");
  connect();
  document.addEventListener("visibilitychange", connect);
}

// Make of a value what a patch says; search/browse/patch.py makes them.
function patched(value, patch) {
  if ("v" in patch) return patch.v;
  if (patch.s) {
    const [first, count, items] = patch.s;
    return [...value.slice(0, first), ...items, ...value.slice(first + count)];
  }
  for (const [index, one] of Object.entries(patch.e || {})) value[index] = patched(value[index], one);
  for (const [key, one] of Object.entries(patch.d || {})) value[key] = patched(value[key], one);
  for (const key of patch.x || []) delete value[key];
  return value;
}

// Rows stay the same objects: whoever holds one sees it change.
function takeRows(rows) {
  for (const row of rows) {
    const known = BY_NUMBER.get(row.n);
    if (known) {
      for (const key of Object.keys(known)) delete known[key];
      Object.assign(known, row);
    } else {
      BY_NUMBER.set(row.n, row);
      REPORT.rows.push(row);
    }
  }
  return rows.map((row) => row.n);
}

function takeChanges(changes) {
  const [numbers, figures] = [new Set(), new Set()];
  let html = null;
  for (const change of changes) {
    for (const number of takeRows(change.rows || [])) numbers.add(number);
    const drawn = change.report && change.report.d && change.report.d.figures;
    for (const name of Object.keys((drawn && drawn.d) || {})) figures.add(name);
    if (change.report) patched(REPORT, change.report);
    html = change.html ?? html;
  }
  redraw(numbers, figures, html);
  return [...numbers];
}

function takeWhole({ report, html }) {
  const there = new Set(report.rows.map((row) => row.n));
  const numbers = takeRows(report.rows);
  for (const number of [...BY_NUMBER.keys()]) if (!there.has(number)) BY_NUMBER.delete(number);
  REPORT.rows = REPORT.rows.filter((row) => there.has(row.n));
  const { rows, ...others } = report;
  Object.assign(REPORT, others);
  redraw(new Set(numbers), new Set(Object.keys(report.figures)), html);
  return numbers;
}

function redraw(numbers, figures, html) {
  REPORT.rows.sort((one, other) => one.n - other.n);
  DIMENSION = new Map(REPORT.dimensions.map((name, index) => [name, index]));
  FAMILIES = REPORT.rows.some((row) => row.children || row.parent !== undefined);
  if (html !== null) takeHtml(html);
  keepingFocus(() => {
    const sorted = columns[view.column];
    columns = shownColumns();
    view.column = Math.max(0, columns.indexOf(sorted));
    drawChips();
    drawTable();
    redrawPanel(numbers);
  });
  showWinner();
  const hadFront = SLOTS.has("front");
  prepareSlots();
  for (const slot of SLOTS.values()) if (figures.has(slot.figure) || !slot.wired) UNDRAWN.add(slot.id);
  drawWaiting();
  if (!hadFront && SLOTS.has("front")) { startGate(); startKeys(); showBounds(); } // the first point has come
}

// Figures of a page that nobody looks at wait until somebody does.
const UNDRAWN = new Set();
function drawWaiting() {
  if (document.hidden && SLOTS.get("front")?.wired) return;
  for (const id of UNDRAWN) {
    const slot = SLOTS.get(id);
    if (!slot.holder.isConnected) SLOTS.delete(id);
    else if (REPORT.figures[slot.figure]) draw(slot);
    else continue;
    UNDRAWN.delete(id);
  }
}
document.addEventListener("visibilitychange", drawWaiting);

function redrawPanel(numbers) {
  const number = Number(panel.dataset.number);
  if (panel.hidden || !numbers.has(number)) return;
  const [scroll, open] = [panel.scrollTop, [...panel.querySelectorAll("details")].map((one) => one.open)];
  const kept = Object.fromEntries([...panel.children].filter((one) => one.dataset.part).map((one) => [one.dataset.part, one]));
  if (BY_NUMBER.has(number)) panel.replaceChildren(...panelParts(BY_NUMBER.get(number), kept));
  [...panel.querySelectorAll("details")].forEach((one, index) => { one.open = open[index] ?? one.open; });
  panel.scrollTop = scroll;
}

// Draw anew, and give the focus back to what stands where it was; within what is kept it stays by itself.
function keepingFocus(drawAnew) {
  const focused = document.activeElement;
  const holder = focused && focused.closest("#table tr[data-number], #table thead, #chips, #panel");
  const find = holder && (holder.dataset.number !== undefined && holder !== panel
    ? () => document.querySelector(`#table tr[data-number="${holder.dataset.number}"]`)
    : () => document.querySelector(holder.tagName === "THEAD" ? "#table thead" : `#${holder.id}`));
  const targets = (within) => [...within.querySelectorAll("a, button, summary, input, select, textarea")];
  const index = holder ? targets(holder).indexOf(focused) : -1;
  drawAnew();
  if (!holder || focused.isConnected) { if (holder && document.activeElement !== focused) focused.focus({ preventScroll: true }); return; }
  const place = find();
  const target = place && (targets(place)[index] || place);
  if (target) target.focus({ preventScroll: true });
}

// The header and the sections as the server has them now: only what differs from its last HTML is changed.
function takeHtml(html) {
  const next = new DOMParser().parseFromString(`<body>${html}</body>`, "text/html").body;
  for (const kind of ["header", "main"]) {
    const [after, before] = [next.querySelector(kind), SERVED[kind]];
    if (after && before) morph(document.querySelector(`body > ${kind}`), before, after);
    SERVED[kind] = after;
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.getAttribute("aria-labelledby") || node.dataset.slot || node.dataset.figure || "" : "");
const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

function morph(live, before, after) {
  if (before.isEqualNode(after)) return;
  if (live.nodeType !== Node.ELEMENT_NODE) { live.data = after.data; return; }
  for (const name of new Set([...before.getAttributeNames(), ...after.getAttributeNames()])) {
    const value = after.getAttribute(name);
    if (before.getAttribute(name) === value) continue;
    if (value === null) live.removeAttribute(name); else live.setAttribute(name, value);
  }
  const olds = [...before.childNodes];
  const lives = placesOf(olds, [...live.childNodes]);
  let [from, place] = [0, live.firstChild];
  const steps = [...after.childNodes].map((node) => {
    const at = olds.findIndex((old, index) => index >= from && alike(old, node));
    if (at >= 0) from = at + 1;
    return [node, at];
  });
  const kept = new Set(steps.map(([, at]) => at));
  lives.forEach((node, index) => { if (node && !kept.has(index)) { if (place === node) place = node.nextSibling; node.remove(); } });
  for (const [node, at] of steps) {
    if (at < 0) live.insertBefore(document.importNode(node, true), place);
    else if (lives[at]) { morph(lives[at], olds[at], node); place = lives[at].nextSibling; }
  }
}

// Where the server's last nodes are among those that stand there, scripts' own between them; null for one that is gone.
function placesOf(olds, nodes) {
  let from = 0;
  return olds.map((old) => {
    const same = nodes.findIndex((node, index) => index >= from && node.isEqualNode(old));
    const at = same >= 0 ? same : nodes.findIndex((node, index) => index >= from && alike(node, old));
    if (at < 0) return null;
    from = at + 1;
    return nodes[at];
  });
}

if (REPORT.live) followStudy(REPORT.live);
