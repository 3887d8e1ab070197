// What a reader may do: copy the line that exports a trial; in a served page pause the search, stop a trial, ask for
// another one, note something. Each is a command too, and shown as one. Nothing is shown as done before the server says
// so, and what has changed comes by its events.
const ACTIONS = (() => {
  const TOKEN = "automl.token";
  const NOTE_MOST = 2000; // characters
  const AT_WORK_MOST = 4; // trials that are named
  const SEEN_MOST = 40; // values of a dimension that a field suggests
  const WITHOUT = "This needs the token. It is in the address that automl browse printed in its terminal: open that address, or paste it above the figures, at “the token”. The command that is shown does the same without it.";
  const LIVE = REPORT.live || null;
  const WHERE = (LIVE && LIVE.where) || []; // --folder and --store, where the study does not live where studies usually do

  const token = () => { try { return sessionStorage.getItem(TOKEN) || ""; } catch { return ""; } };
  const isBarred = () => Boolean(LIVE && LIVE.token_needed && !token());

  // ---- commands
  const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? String(text) : `'${String(text).replaceAll("'", "'\\''")}'`);
  function command(verb, words, options = []) {
    const dashed = [REPORT.study, ...words].some((word) => String(word).startsWith("-")) ? ["--"] : [];
    return ["automl", verb, ...options, ...WHERE, ...dashed, REPORT.study, ...words].map(shell).join(" ");
  }
  // A value as the command line has it: a text that reads as something else stands in quotes.
  function written(value) {
    if (typeof value !== "string") return JSON.stringify(value);
    return /^[A-Za-z_][\w./-]*$/.test(value) && !/^(true|false|null|none|nan|inf|yes|no|on|off)$/i.test(value) ? value : JSON.stringify(value);
  }
  function exportLine(row) {
    const further = REPORT.device && REPORT.device !== REPORT.devices[0] ? ["--device", REPORT.device] : [];
    return ["automl", "export", REPORT.study, "--pick", row.n, ...further, ...WHERE, "--to", "out"].map(shell).join(" ");
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { // a page by plain HTTP from another machine has no clipboard of that kind
      const area = element("textarea", { class: "unseen", "aria-hidden": "true" });
      area.value = text;
      const focused = document.activeElement;
      document.body.append(area);
      area.select();
      let done = false;
      try { done = document.execCommand("copy"); } catch { done = false; }
      area.remove();
      if (focused && focused.focus) focused.focus({ preventScroll: true });
      return done;
    }
  }
  function copying(button, textOf, said) {
    button.addEventListener("click", async () => {
      const text = textOf();
      said((await copy(text)) ? `Copied: ${text}` : `Not copied, the browser does not allow it: ${text}`, "good");
    });
    return button;
  }

  // The command that does the same, to copy; `write` changes it.
  function commandLine(said) {
    const code = element("code", { tabindex: "0", "aria-label": "the command that does the same" });
    const button = copying(element("button", { type: "button", class: "small" }, "copy"), () => code.textContent, said);
    button.setAttribute("aria-label", "copy the command");
    return { node: element("div", { class: "command" }, code, button), write: (text) => { code.textContent = text; } };
  }

  // ---- asking
  async function ask(request) {
    const kept = token();
    if (isBarred()) return { error: WITHOUT };
    try {
      const headers = { "Content-Type": "application/json", Accept: "application/json", ...(kept ? { "X-Automl-Token": kept } : {}) };
      const answer = await fetch(`${LIVE.base}/actions`, { method: "POST", headers, body: JSON.stringify(request), cache: "no-store" });
      const read = await answer.json().catch(() => ({}));
      if (answer.ok) return { said: String(read.said || "done") };
      const again = answer.status === 403 && kept ? " (automl browse has another token at each start: open the address that it printed last)" : "";
      return { error: `${read.error || `the server answered ${answer.status}`}${again}` };
    } catch {
      return { error: "No answer from automl browse: does it still run? The command that is shown does the same." };
    }
  }
  async function asking(button, request) {
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    const answer = await ask(request);
    button.disabled = false;
    button.removeAttribute("aria-busy");
    return answer;
  }

  // Where answers are shown: a line that screen readers read out.
  function sayer() {
    const node = element("p", { class: "said", role: "status", "aria-live": "polite" });
    return { node, say: (text, tone = "") => { node.textContent = text; node.className = `said ${tone}`.trim(); } };
  }

  // How far the search is, how long it will go on, and what it does now, each trial by its number.
  function progress(paused) {
    const running = REPORT.rows.filter((row) => row.outcome === "running");
    const { used, left } = REPORT.progress || {};
    const goesOn = Boolean(left) && (running.length > 0 || paused);
    const now = running.slice(0, AT_WORK_MOST).flatMap((row, index) => [index ? ", " : "", element("a", { href: `#trial-${row.n}` }, `trial ${row.n}`), row.architecture ? ` ${row.architecture}` : ""]);
    const more = running.length > AT_WORK_MOST ? ` and ${running.length - AT_WORK_MOST} more` : "";
    return [
      used ? element("span", {}, element("b", {}, `${used}${goesOn ? `; ${left}` : ""}.`), paused && goesOn ? " once it goes on" : "", " ") : "",
      running.length && !paused ? element("span", {}, "Now: ", ...now, more, ".") : "",
    ];
  }

  // ---- the bar of the study
  function bar() {
    const { node: said, say } = sayer();
    const line = commandLine(say);
    const button = element("button", { type: "button", class: "act", id: "pause" });
    const state = element("b");
    const far = element("p", { class: "progress" });
    const paste = tokenField(say);
    const doing = element("div", { class: "bar-line" }, state, button, line.node);
    const draw = () => {
      const paused = Boolean(REPORT.paused);
      far.replaceChildren(...progress(paused));
      state.textContent = paused ? `The search is ${(REPORT.progress && REPORT.progress.paused) || "paused"}.` : "";
      state.hidden = !paused;
      button.textContent = paused ? "Continue the search" : "Pause the search";
      line.write(command(paused ? "continue" : "pause", []));
      paste.hidden = !isBarred();
    };
    button.addEventListener("click", async () => {
      const answer = await asking(button, { action: REPORT.paused ? "continue" : "pause" });
      say(answer.said || answer.error, answer.said ? "good" : "bad");
      if (answer.error && isBarred()) paste.querySelector("input").focus();
      draw();
      if (!isBarred() && document.activeElement === document.body) button.focus({ preventScroll: true });
    });
    draw();
    document.addEventListener("automl:changed", (event) => {
      doing.hidden = event.detail.state === "ended" && !REPORT.paused; // nothing is left to pause
      draw();
    });
    return element("section", { class: "wrap study-bar", "aria-label": "The search", id: "study-bar" }, far, doing, paste, said);
  }

  // Where the token is, and a field to paste it (or the whole address) into; it stays in this tab.
  function tokenField(say) {
    const field = element("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false" });
    const form = element("form", { class: "token" },
      element("p", { class: "hint" }, "Reading needs nothing. To pause, stop, try or note from here the page needs ", element("b", {}, "the token"), ": open the address that ", element("code", {}, "automl browse"), " printed in its terminal, or paste it here."),
      element("label", { for: "token" }, "the token, or that address"), field, element("button", { type: "submit", class: "act" }, "Keep it in this tab"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const found = /[?&]token=([^&#\s]+)/.exec(field.value);
      const given = found ? decodeURIComponent(found[1]) : field.value.trim();
      field.value = "";
      if (!/^[\x21-\x7e]+$/.test(given)) { say("That is no token: it is what follows token= in the address.", "bad"); return; }
      try { sessionStorage.setItem(TOKEN, given); } catch { say("This browser keeps nothing for the page; take the commands.", "bad"); return; }
      form.hidden = true;
      say("The token is kept in this tab until it is closed.", "good");
      byId("pause").focus();
    });
    return form;
  }

  // ---- one trial
  const HOLDERS = new Map(); // number -> what the panel shows of it; drafts outlive a redrawn panel
  const mayStop = (row) => ["running", "paused", "waiting"].includes(row.outcome) && row.parent === undefined && row.proves === undefined;
  const mayTry = (row) => row.candidate.some((value) => value !== null) && row.proves === undefined;
  const canExport = (row) => row.outcome === "finished" && !row.removed;

  function holderOf(number) {
    const said = sayer();
    const note = element("p", { class: "noted" });
    const buttons = element("div", { class: "action-row", role: "group", "aria-label": `What to do with trial ${number}` });
    const place = element("div", { class: "action-place" });
    const node = element("div", { class: "actions" }, note, buttons, place, said.node);
    const holder = { number, node, place, say: said.say, open: null, row: BY_NUMBER.get(number), opener: null };
    const add = (name, text, form) => {
      const button = element("button", { type: "button", class: "act", "aria-expanded": "false" }, text);
      button.addEventListener("click", () => (holder.open === name ? closeForm(holder) : openForm(holder, name, form, button)));
      buttons.append(button);
      return button;
    };
    const take = copying(element("button", { type: "button", class: "act" }, "Copy the export line"), () => exportLine(holder.row), said.say);
    buttons.append(take);
    const stop = LIVE && add("stop", "Stop this trial", stopForm);
    const next = LIVE && add("try", "Try one like this next", tryForm);
    const noting = LIVE && add("note", "Add a note", noteForm);
    holder.refresh = (row) => {
      holder.row = row;
      note.hidden = !row.note;
      note.replaceChildren(element("b", {}, "Note: "), row.note || "");
      take.hidden = !canExport(row);
      if (LIVE) {
        stop.hidden = !mayStop(row);
        next.hidden = !mayTry(row);
        noting.textContent = row.note ? "Edit the note" : "Add a note";
        if (holder.open === "stop" && stop.hidden) { closeForm(holder); said.say(`Trial ${number} has ended: ${statusOf(row)}.`); }
      }
      node.hidden = !row.note && [...buttons.children].every((button) => button.hidden);
    };
    return holder;
  }

  function openForm(holder, name, make, opener) {
    closeForm(holder, false);
    Object.assign(holder, { open: name, opener });
    opener.setAttribute("aria-expanded", "true");
    const form = make(holder);
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); closeForm(holder); }
    });
    holder.say("");
    holder.place.replaceChildren(form);
    const first = form.querySelector("input, textarea, select");
    if (first) first.focus({ preventScroll: true });
    form.scrollIntoView({ block: "nearest" });
  }
  function closeForm(holder, back = true) {
    if (!holder.open) return;
    holder.open = null;
    holder.opener.setAttribute("aria-expanded", "false");
    holder.place.replaceChildren();
    if (back) (holder.opener.hidden ? panel : holder.opener).focus({ preventScroll: true });
  }

  // A form with its fields, the command that does the same, and what is asked; `request` returns null where a field is amiss.
  function formOf(holder, { title, body, submit, request, commandOf, failed }) {
    const line = commandLine(holder.say);
    const go = element("button", { type: "submit", class: "act first" }, submit);
    const cancel = element("button", { type: "button", class: "act" }, "Cancel");
    const alert = element("p", { class: "said bad", role: "alert" });
    const form = element("form", { class: "action-form", "aria-label": title, novalidate: true },
      element("h3", {}, title), ...body, element("div", { class: "action-row" }, go, cancel), alert,
      element("p", { class: "hint" }, "The same in a terminal:"), line.node);
    const draw = () => line.write(commandOf());
    form.addEventListener("input", () => { alert.textContent = ""; draw(); });
    cancel.addEventListener("click", () => closeForm(holder));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      alert.textContent = "";
      const asked = request(alert);
      if (!asked) return;
      const answer = await asking(go, asked);
      if (answer.said) {
        if (holder.open && holder.place.contains(form)) closeForm(holder);
        holder.say(answer.said, "good");
      } else if (!(failed && failed(answer.error))) {
        alert.textContent = answer.error;
        go.focus({ preventScroll: true });
      }
    });
    draw();
    return form;
  }

  function stopForm(holder) {
    const why = element("input", { type: "text", id: "why", maxlength: "2000", autocomplete: "off" });
    const { number } = holder;
    return formOf(holder, {
      title: `Stop trial ${number}`,
      body: [element("p", { class: "hint" }, "It ends for good; its files stay, and the search goes on without it."), element("label", { for: "why" }, "Why (kept with the trial, may be empty)"), why],
      submit: `Stop trial ${number}`,
      request: () => ({ action: "stop", trial: number, why: why.value.trim() }),
      commandOf: () => command("stop", [number], why.value.trim() ? ["--why", why.value.trim()] : []),
    });
  }

  function noteForm(holder) {
    const { number } = holder;
    const text = element("textarea", { id: "note", rows: "4", maxlength: String(NOTE_MOST) });
    text.value = holder.row.note || "";
    const left = element("small", {});
    const count_ = () => { left.textContent = `${text.value.length.toLocaleString("en-US")} of ${NOTE_MOST.toLocaleString("en-US")} characters; empty takes the note away`; };
    text.addEventListener("input", count_);
    count_();
    return formOf(holder, {
      title: `Note on trial ${number}`,
      body: [element("label", { for: "note" }, "For whoever reads the study"), text, left],
      submit: "Save the note",
      request: () => ({ action: "note", trial: number, text: text.value.trim() }),
      commandOf: () => command("note", [number, text.value.trim()]),
    });
  }

  // Values of a dimension that trials have, for its field to suggest; what kind they are.
  function seenOf(index) {
    const found = new Map();
    for (const row of REPORT.rows) {
      const value = row.candidate[index];
      if (value !== null && value !== undefined && found.size <= SEEN_MOST) found.set(JSON.stringify(value), value);
    }
    const values = [...found.values()].sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))));
    return { values: found.size > SEEN_MOST ? [] : values, isText: values.length > 0 && values.every((value) => typeof value === "string") };
  }
  function valueOf(text, isText) {
    const trimmed = text.trim();
    if (isText) return trimmed;
    if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed)) return Number(trimmed);
    if (trimmed === "true" || trimmed === "false") return trimmed === "true";
    try { return /^[[{"]/.test(trimmed) ? JSON.parse(trimmed) : trimmed; } catch { return trimmed; }
  }

  function choiceField(holder, name, index) {
    const own = holder.row.candidate[index];
    const known = own !== null && own !== undefined;
    const { values, isText } = seenOf(index);
    const id = `try-${index}`;
    const field = element("input", { type: "text", id, name, autocomplete: "off", spellcheck: "false", list: values.length ? `${id}-seen` : null, placeholder: known ? plain(own) : "not in this trial", "aria-describedby": `${id}-error` });
    const begins = known ? plain(own) : "";
    field.value = begins;
    const error = element("small", { id: `${id}-error`, class: "field-error" });
    const was = element("small", { class: "was" });
    const clear = () => { error.textContent = ""; field.removeAttribute("aria-invalid"); };
    const isChanged = () => field.value.trim() !== "" && field.value.trim() !== begins;
    field.addEventListener("input", () => { clear(); was.textContent = isChanged() ? (known ? `was ${begins}` : "added") : ""; });
    const seen = values.length ? element("datalist", { id: `${id}-seen` }, ...values.map((value) => element("option", { value: plain(value) }))) : "";
    return {
      name, known, isChanged, clear, field,
      value: () => valueOf(field.value, isText),
      fail: (text) => { error.textContent = text; field.setAttribute("aria-invalid", "true"); field.closest("details")?.setAttribute("open", ""); field.focus(); },
      node: element("div", { class: "choice" }, element("label", { for: id }, name), field, seen, was, error),
    };
  }

  function tryForm(holder) {
    const { number } = holder;
    const fields = REPORT.dimensions.map((name, index) => choiceField(holder, name, index));
    const others = fields.filter((field) => !field.known);
    const changed = () => fields.filter((field) => field.isChanged());
    return formOf(holder, {
      title: `Try one like trial ${number} next`,
      body: [
        element("p", { class: "hint" }, `The search begins it before any of its own. What is not changed is as in trial ${number}.`),
        element("div", { class: "choices" }, ...fields.filter((field) => field.known).map((field) => field.node)),
        others.length ? element("details", {}, element("summary", {}, `Other dimensions, not in trial ${number} (${others.length})`), element("div", { class: "choices" }, ...others.map((field) => field.node))) : "",
      ],
      submit: "Ask for it",
      request: (alert) => {
        fields.forEach((field) => field.clear());
        if (changed().length) return { action: "try", like: number, choices: Object.fromEntries(changed().map((field) => [field.name, field.value()])) };
        alert.textContent = `Change a value first: trial ${number} has these very choices.`;
        return null;
      },
      commandOf: () => command("try", changed().map((field) => `${field.name}=${written(field.value())}`), ["--like", number]),
      failed: (error) => { // beside the field that the line names; a name may begin another
        const named = fields.filter((field) => ` ${error}`.includes(` ${field.name}`) || error.includes(`'${field.name}'`)).sort((a, b) => b.name.length - a.name.length);
        const field = named.find((one) => one.isChanged()) || named[0];
        if (field) field.fail(error);
        return Boolean(field);
      },
    });
  }

  let current = null;
  function of(row) {
    if (!HOLDERS.has(row.n)) HOLDERS.set(row.n, holderOf(row.n));
    current = HOLDERS.get(row.n);
    current.refresh(row);
    const focused = current.node.contains(document.activeElement) ? document.activeElement : null;
    const top = panel.scrollTop;
    if (focused) queueMicrotask(() => { if (focused.isConnected) { focused.focus({ preventScroll: true }); panel.scrollTop = top; } }); // the panel was drawn anew below somebody who writes
    return current.node;
  }
  document.addEventListener("automl:changed", () => {
    if (current && current.node.isConnected && BY_NUMBER.has(current.number)) current.refresh(BY_NUMBER.get(current.number));
  });
  if (LIVE) document.querySelector("header").after(bar());
  return { of, exportLine };
})();

function actions(row) {
  return ACTIONS.of(row);
}
