// What is to be seen of a trial's validation images at any confidence: read once, then counted. Nothing is drawn here.
const counted = (() => {
const LABEL_PARTS = 7; // x, y, width, height, class, size, found above so many confidences
const FOUND_PARTS = 9; // the same of a detection's own score, its kind, its score in thousandths
const RIGHT_KIND = 0, CONFUSED_KIND = 1;
const MISSED_KIND = "missed";

// The images of one trial as objects, read once from flat lists.
function readShots(data) {
  const images = data.images.map(([key, name, width, height, labels, found, about, source]) => {
    const cut = (flat, parts) => Array.from({ length: flat.length / parts }, (_, i) => flat.slice(i * parts, (i + 1) * parts));
    const one = (part) => ({ box: part.slice(0, 4), label: part[4], size: part[5], steps: part[6], kind: part[7], score: part[8] / 1000 });
    const shot = { key, name, width, height, source: source || null, labels: cut(labels, LABEL_PARTS).map(one), found: cut(found, FOUND_PARTS).map(one) };
    shot.found.forEach((item, i) => { item.about = about[i]; });
    return shot;
  });
  return { ...data, images, byKey: new Map(images.map((shot) => [shot.key, shot])) };
}

// What is to be seen of an image at a confidence: right, wrong and missed, each with words, those that a filter means marked.
function marksOf(data, shot, at, wanted) {
  const shown = shot.found.filter((item) => item.steps > at);
  const missed = shot.labels.filter((label) => label.steps <= at);
  const free = new Set(missed);
  const taken = new Map();
  for (const item of shown) {
    if (item.kind !== CONFUSED_KIND) continue;
    const place = item.about.map((j) => shot.labels[j]).find((label) => free.has(label));
    if (place) { free.delete(place); taken.set(place, item); item.takes = place; } else item.takes = null;
  }
  const marks = [];
  for (const item of shown) {
    const right = item.kind === RIGHT_KIND;
    const about = item.kind === CONFUSED_KIND ? (item.takes || shot.labels[item.about[0]]) : null;
    marks.push({
      state: right ? "right" : "wrong", kind: data.kinds[item.kind], box: item.box, label: item.label, size: item.size, score: item.score,
      pair: item.takes && item.kind === CONFUSED_KIND ? `${item.takes.label}>${item.label}` : null,
      name: data.classes[item.label], over: about ? data.classes[about.label] : null,
    });
  }
  for (const label of missed) {
    const other = taken.get(label);
    marks.push({ state: "missed", kind: MISSED_KIND, box: label.box, label: label.label, size: label.size, score: null, pair: other ? `${label.label}>${other.label}` : null, name: data.classes[label.label], over: other ? data.classes[other.label] : null });
  }
  for (const mark of marks) mark.meant = isMeant(mark, wanted);
  return marks;
}

function isMeant(mark, wanted) {
  if (wanted.label !== "" && mark.label !== Number(wanted.label) && !(wanted.pair && mark.pair === wanted.pair)) return false;
  if (wanted.size !== "" && mark.size !== Number(wanted.size)) return false;
  if (wanted.pair && mark.pair !== wanted.pair) return false;
  return !wanted.kind || mark.kind === wanted.kind || (wanted.kind === "wrong" && mark.state === "wrong");
}

// Precision, recall, F1 and the counts behind them, of a class and a size: from all images, or from curves of all of them.
function talliesAt(data, at, wanted) {
  const tally = { right: 0, wrong: 0, labels: 0 };
  if (data.whole) {
    const meant = (item) => (wanted.label === "" || item.label === Number(wanted.label)) && (wanted.size === "" || item.size === Number(wanted.size));
    for (const shot of data.images) {
      for (const item of shot.found) if (item.steps > at && meant(item)) tally[item.kind === RIGHT_KIND ? "right" : "wrong"] += 1;
      for (const label of shot.labels) if (meant(label)) tally.labels += 1;
    }
    return tally;
  }
  const curves = data.curves;
  const curve = wanted.label === "" && wanted.size === "" ? curves.all
    : wanted.size === "" ? curves.classes[Number(wanted.label)] : wanted.label === "" ? curves.sizes[Number(wanted.size)] : null;
  return curve ? { right: curve.right[at], wrong: curve.wrong[at], labels: curve.labels } : null;
}
const precisionOf = (tally) => (tally.right + tally.wrong ? tally.right / (tally.right + tally.wrong) : 0);
const recallOf = (tally) => (tally.labels ? tally.right / tally.labels : null);
const f1Of = (tally) => (tally.right ? (2 * tally.right) / (tally.right + tally.wrong + tally.labels) : 0);

return { readShots, marksOf, talliesAt, precisionOf, recallOf, f1Of, RIGHT_KIND, CONFUSED_KIND, MISSED_KIND };
})();
