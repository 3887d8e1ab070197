"use strict";
// Unpacks what this page carries in gzip (plotly, large data), then runs the page's scripts, all in one scope.
const UNPACKED = new Map(); // the holder of some data to its text; page_devices.js reads it
(() => {
  const { nonce } = document.currentScript; // of a served page: what its server admits scripts by
  const device = new URLSearchParams(location.search).get("device");
  const holders = [...document.querySelectorAll("script[data-packed]")].filter((one) => !one.dataset.device || one.dataset.device === device);

  async function unpack(holder) {
    const text = atob(holder.textContent);
    holder.textContent = "";
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    UNPACKED.set(holder, await new Response(stream).text());
  }

  function run(text) {
    const script = document.createElement("script");
    script.nonce = nonce;
    script.textContent = text;
    document.body.append(script);
    script.remove();
  }

  function fail(said) {
    document.documentElement.dataset.error = said;
    document.getElementById("broken").textContent = said;
    document.getElementById("broken").hidden = false;
  }

  async function boot() {
    if (holders.length && typeof DecompressionStream === "undefined") {
      fail("The figures and the table of trials need a browser that can unpack them: Chrome or Edge 80, Firefox 113, Safari 16.4, or a later one.");
      return;
    }
    await Promise.all(holders.map(unpack));
    const plotly = document.getElementById("plotly");
    if (plotly) { run(UNPACKED.get(plotly)); UNPACKED.delete(plotly); }
    run(document.getElementById("program").textContent);
    document.dispatchEvent(new CustomEvent("automl:ready"));
  }
  boot().catch((error) => fail(`This page could not be unpacked: ${error.message}`));
})();
