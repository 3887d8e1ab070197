// A pipeline's figures: what is live, and drift over time; drawn anew where colours change.
(() => {
  const DATA = JSON.parse(document.getElementById("report").textContent);
  const ROOT = document.documentElement;
  const CONFIG = { responsive: true, displayModeBar: false, doubleClick: "reset" };
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";
  const colour = (name) => getComputedStyle(ROOT).getPropertyValue(`--${name}`).trim();

  window.addEventListener("error", (event) => {
    ROOT.dataset.error = event.message;
    const note = document.getElementById("broken");
    note.textContent = `A part of this page could not be drawn: ${event.message}`;
    note.hidden = false;
  });

  function layout(holder, more) {
    const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"), tickcolor: colour("line"), fixedrange: true, automargin: true };
    return {
      height: holder.clientHeight, margin: { l: 42, r: 8, t: 8, b: 24 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: FONT, size: 11.5, color: colour("muted") }, showlegend: false, dragmode: false, hovermode: "x unified",
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink"), size: 12.5 } },
      ...more, xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, nticks: 5, ...more.yaxis },
    };
  }

  // Where rounds began, and where a version came to serve.
  function moments() {
    const line = (at, name, dash) => ({ type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, layer: "below", line: { color: colour(name), width: 1.4, dash } });
    return [...DATA.begun.map((at) => line(at, "stopped", "dash")), ...DATA.promoted.map((at) => line(at, "gate", "solid"))];
  }
  const days = (new Date(DATA.span[1]) - new Date(DATA.span[0])) / 864e5;
  const timed = { type: "date", range: DATA.span, nticks: 5, tickangle: 0, tickformat: days < 3 ? "%a %H:%M" : days < 300 ? "%-d %b" : "%b %Y", hoverformat: "%a %Y-%m-%d %H:%M" };
  const draw = (holder, traces, more) => Plotly.react(holder, traces, layout(holder, more), CONFIG);

  function drift(holder) {
    const one = DATA.drift[Number(holder.dataset.drift)];
    const at = one.points.map((point) => point.at);
    const change = one.points.map((point) => point.change);
    const marked = one.points.filter((point) => point.drifted);
    const reach = Math.max(1.5 * one.margin, ...change.map((value) => 1.12 * Math.abs(value ?? 0)));
    const low = one.signed ? -one.margin : 0;
    const form = one.signed ? "+.0%" : ".2f";
    const band = { type: "rect", xref: "paper", yref: "y", x0: 0, x1: 1, y0: low, y1: one.margin, fillcolor: colour("gate-fill"), line: { width: 0 }, layer: "below" };
    draw(holder, [
      { x: at, y: change, mode: at.length > 1 ? "lines" : "markers", line: { color: colour("front"), width: 1.8 }, connectgaps: false, name: "change", hovertemplate: `%{y:${form}}<extra></extra>` },
      { x: marked.map((point) => point.at), y: marked.map((point) => point.change), mode: "markers", marker: { color: colour("failed"), size: 7, symbol: "diamond" }, name: "drifted", hovertemplate: "drifted<extra></extra>" },
    ], { shapes: [band, ...moments()], xaxis: { ...timed, nticks: 4 }, yaxis: { range: [one.signed ? -reach : 0, reach], tickformat: one.signed ? "+.0%" : ".1f", nticks: 4 } });
  }

  function histogram(holder) {
    const one = DATA.histograms[Number(holder.dataset.histogram)];
    const bar = (values, name, label) => ({ type: "bar", x: one.places, y: values, marker: { color: colour(name), opacity: 0.8 }, name: label, hovertemplate: `${label}: %{y:.1%}<extra></extra>` });
    draw(holder, [bar(one.before, "finished", "baseline"), bar(one.now, "failed", "now")], {
      barmode: one.words ? "group" : "overlay", bargap: one.words ? 0.25 : 0.04,
      xaxis: { type: one.words ? "category" : "linear", nticks: 5, hoverformat: ".3~g" }, yaxis: { tickformat: ".0%", nticks: 4, rangemode: "tozero" },
    });
  }

  const live = {
    performance(holder) {
      const { points, bound, metric } = DATA.performance;
      const at = points.map((point) => point.at);
      const edge = { color: "rgba(0,0,0,0)", width: 0 };
      const shapes = bound === null ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: bound, y1: bound, line: { color: colour("failed"), width: 1.4, dash: "dot" } }];
      draw(holder, [
        { x: at, y: points.map((point) => point.low), mode: "lines", line: edge, hoverinfo: "skip" },
        { x: at, y: points.map((point) => point.high), mode: "lines", line: edge, fill: "tonexty", fillcolor: colour("gate-fill"), hoverinfo: "skip" },
        { x: at, y: points.map((point) => point.value), customdata: points.map((point) => [point.low, point.high, point.images]), mode: at.length > 1 ? "lines" : "markers", line: { color: colour("front"), width: 2 }, hovertemplate: `${metric} %{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f}), %{customdata[2]} images<extra></extra>` },
      ], { shapes: [...shapes, ...moments()], xaxis: timed, yaxis: { tickformat: ".2f" } });
    },
    latency(holder) {
      const at = DATA.live.map((point) => point.at);
      const line = (key, name, words) => ({ x: at, y: DATA.live.map((point) => point[key]), mode: at.length > 1 ? "lines" : "markers", line: { color: colour(name), width: 2, dash: key === "p95_ms" ? "dash" : "solid" }, hovertemplate: `${words} %{y:.1f} ms<extra></extra>` });
      draw(holder, [line("p50_ms", "front", "p50"), line("p95_ms", "over", "p95")], { shapes: moments(), xaxis: timed, yaxis: { rangemode: "tozero", ticksuffix: " ms" } });
    },
    answers(holder) {
      const at = DATA.live.map((point) => point.at);
      const one = (key, name, words) => ({ x: at, y: DATA.live.map((point) => point[key]), mode: at.length > 1 ? "lines" : "markers", line: { color: colour(name), width: 2 }, hovertemplate: `%{y:,} ${words}<extra></extra>` });
      draw(holder, [one("answers", "front", "answers"), one("errors", "failed", "errors")], { shapes: moments(), xaxis: timed, yaxis: { rangemode: "tozero" } });
    },
  };

  function all() {
    for (const [id, make] of Object.entries(live)) { const holder = document.getElementById(id); if (holder) make(holder); }
    document.querySelectorAll("[data-drift]").forEach(drift);
    document.querySelectorAll("[data-histogram]").forEach(histogram);
  }
  all();
  document.getElementById("theme").addEventListener("click", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  ROOT.dataset.ready = "yes";
})();
