"use strict";
// Of a study of several devices the address names one (?device=NAME): what the page shows of it stands in a template,
// its data in a script of their own beside the first device's. Links change the address, so that a view can be kept.
const DEVICE = new URLSearchParams(location.search).get("device");
const ofDevice = (kind) => [...document.querySelectorAll(`${kind}[data-device]`)].find((one) => one.dataset.device === DEVICE);
const VIEW = ofDevice("template");
if (VIEW) {
  document.querySelector("main").remove();
  document.querySelector("header").replaceWith(VIEW.content);
}
// What the server's HTML was, before scripts fill it in: a served page changes only what differs from it.
const SERVED = Object.fromEntries(["header", "main"].map((kind) => [kind, document.querySelector(`body > ${kind}`).cloneNode(true)]));
function reportOf(holder) {
  if (!holder) return {};
  const text = UNPACKED.get(holder) ?? holder.textContent;
  UNPACKED.delete(holder); // text of megabytes
  return JSON.parse(text);
}
