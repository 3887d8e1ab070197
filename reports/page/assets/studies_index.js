"use strict";
// The first page of all studies: sort, filter, choose which to lay over one another, and follow what changes.
(() => {
  const byId = (id) => document.getElementById(id);
  const table = byId("table");
  const lines = () => [...table.tBodies[0].rows];
  const view = { key: null, down: false };

  function value(line, key) {
    const text = line.getAttribute(`data-s-${key}`);
    if (text === null || text === "") return null;
    return ["name", "data", "device"].includes(key) ? text.toLowerCase() : Number(text);
  }

  function sortBy(key, down) {
    Object.assign(view, { key, down });
    const sign = down ? -1 : 1;
    const order = (one, other) => {
      const [a, b] = [value(one, key), value(other, key)];
      if (a === null || b === null) return (a === null) - (b === null); // unknown last, either way
      return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
    };
    table.tBodies[0].append(...lines().sort(order));
    for (const head of table.tHead.rows[0].cells) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    byId("sort").value = `${key} ${down ? "down" : "up"}`;
  }

  function filter() {
    const words = byId("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const line of lines()) {
      line.hidden = !words.every((word) => line.dataset.words.toLowerCase().includes(word));
      shown += !line.hidden;
    }
    byId("shown").hidden = !words.length;
    byId("shown").textContent = shown ? `${shown} of ${lines().length} studies` : "No study fits.";
  }

  const boxes = () => [...table.querySelectorAll('input[name="study"]')];

  // Only studies of one data set and one device can be laid over one another: with the first tick the others go.
  function follow() {
    const ticked = boxes().filter((box) => box.checked);
    const first = ticked.length ? ticked[0].closest("tr").dataset : null;
    let barred = 0;
    for (const box of boxes()) {
      const { data, device } = box.closest("tr").dataset;
      const why = !first || box.checked ? "" : data !== first.data ? "other data" : device !== first.device ? "another device" : ticked.length >= MOST ? `${MOST} at most` : "";
      box.disabled = Boolean(why);
      box.title = why;
      barred += Boolean(why);
    }
    byId("lay").disabled = ticked.length < 2;
    byId("lay-words").textContent = !ticked.length ? HINT
      : `${ticked.length} ticked${ticked.length < 2 ? ", tick another" : ""}${barred ? `; ${barred} of other data or devices, or too many, cannot be ticked` : ""}.`;
  }

  function prepare() {
    const sorts = byId("sort");
    for (const head of table.tHead.rows[0].cells) {
      const { key } = head.dataset;
      if (!key) continue;
      const down = "down" in head.dataset;
      const title = head.textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.addEventListener("click", () => sortBy(key, view.key === key ? !view.down : down));
      head.replaceChildren(button);
      for (const way of down ? ["down", "up"] : ["up", "down"]) {
        const words = { name: ["A to Z", "Z to A"], data: ["A to Z", "Z to A"], device: ["A to Z", "Z to A"], updated: ["oldest first", "newest first"], state: ["at work first", "ended first"] }[key] || ["least first", "most first"];
        sorts.append(new Option(`${title}, ${words[way === "down" ? 1 : 0]}`, `${key} ${way}`));
      }
    }
    sorts.addEventListener("change", () => { const [key, way] = sorts.value.split(" "); sortBy(key, way === "down"); });
    sorts.closest("label").hidden = false;
    byId("query").hidden = false;
    byId("query").addEventListener("input", filter);
    table.addEventListener("change", follow);
    byId("over").addEventListener("submit", (event) => { // the server's policy lets no form be sent
      event.preventDefault();
      const ticked = boxes().filter((box) => box.checked).map((box) => ["study", box.value]);
      if (ticked.length > 1) location.href = `/over?${new URLSearchParams(ticked)}`;
    });
    sortBy("updated", true);
    follow();
  }

  // What has changed is asked for whole and put in place; ticks, filter, order and focus stay.
  let asked = false;
  let again = false;
  async function refresh() {
    if (asked) { again = true; return; }
    asked = true;
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      if (answer.ok) takeIn(new DOMParser().parseFromString(await answer.text(), "text/html"));
      else byId("line").textContent = `The server answered ${answer.status}; these are the figures from before.`;
    } catch {
      byId("line").textContent = "No answer from automl browse: these are the figures from before.";
    }
    setTimeout(() => { asked = false; if (again) { again = false; refresh(); } }, 1500);
  }

  function takeIn(fresh) {
    const lines_ = fresh.getElementById("table");
    if (Boolean(lines_) !== Boolean(table)) return location.reload(); // the first study has come, or the last has gone
    byId("line").textContent = stream && stream.readyState === EventSource.OPEN ? "Live." : "";
    document.querySelector("footer time").replaceWith(fresh.querySelector("footer time"));
    if (!table) return undefined;
    const ticked = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
    const inside = document.activeElement && document.activeElement.closest("#table tbody tr");
    const focused = inside && [inside.dataset.name, document.activeElement.tagName];
    table.tBodies[0].replaceWith(fresh.querySelector("#table tbody"));
    byId("totals").replaceWith(fresh.getElementById("totals"));
    for (const box of boxes()) box.checked = ticked.has(box.value);
    sortBy(view.key, view.down);
    filter();
    follow();
    const line = focused && lines().find((one) => one.dataset.name === focused[0]);
    const target = line && line.querySelector(focused[1].toLowerCase());
    if (target) target.focus({ preventScroll: true });
    if (fresh.body.dataset.events !== document.body.dataset.events) { document.body.dataset.events = fresh.body.dataset.events; listen(); }
    return undefined;
  }

  let stream = null;
  function listen() {
    if (stream) stream.close();
    stream = null;
    if (document.hidden) return; // browsers have six lines to a server; a tab that nobody looks at holds none
    stream = new EventSource(document.body.dataset.events);
    stream.addEventListener("changed", refresh);
    stream.addEventListener("studies", refresh);
    stream.addEventListener("error", () => { byId("line").textContent = "The line to automl browse is lost; trying again."; });
    stream.addEventListener("open", () => { byId("line").textContent = "Live."; });
  }

  const HINT = table ? byId("lay-words").textContent : "";
  const MOST = table ? Number(/(\d+) at most/.exec(HINT)[1]) : 0;
  if (table) prepare();
  if (location.protocol.startsWith("http")) {
    listen();
    setInterval(() => { if (!document.hidden) refresh(); }, 30000); // a new study is in no stream yet
    document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) refresh(); });
  }
  document.documentElement.dataset.ready = "yes";
})();
