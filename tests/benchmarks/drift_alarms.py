"""False alarms of drift in quiet weeks, and how soon real changes are found, at the default margins.

    python -m tests.benchmarks.drift_alarms [--data FOLDER ...] [--weeks 34] [--stores 8] [--images 4] [--seeds 1]
        [--trials 8] [--seed 0] [--embedder MODEL.onnx] [--to FILE]

Streams: the rendered shelves, each store of each week with its own planogram and `--images` photographs on random days;
and each `--data` folder, whose images are drawn at random (with replacement) into as many a week, of one group. What a
detector would have found is the truth, so figures of confidence are not in here. The first 28 days are the baseline.
With `--embedder`, an exported file, the embedding by its backbone is watched too.

(a) quiet: a look a week until `--weeks`, then once more a look a day. `ours`: looks at which any figure was called
drifted, at a stated rate of 0.5 a year; `ks`: the same for a plain test of single images at 5 % a figure
(Kolmogorov-Smirnov; chi-squared for the class mix), as drift libraries do it.
(b) power: in `--trials` weeks of the quiet stream everything changes on a Monday: darker, blurred, less contrast,
smaller objects, a class that is gone. `found`: share of them that a look a day finds within 14 days, `days` and
`images`: until
then in the median, counting images after the change; `weekly`: share that one look at the end of the week finds.

Prints a JSON line for each stream and change.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import yaml
from scipy.stats import chi2_contingency, ks_2samp

from objectives.data.readers import read_dataset
from objectives.data.shelves.render import photograph
from objectives.data.shelves.stores import make_planogram, make_stores
from objectives.drift.embedding import Embedder
from objectives.drift.figures import image_figures
from objectives.drift.look import look
from objectives.drift.sample import DriftImage, DriftSample
from objectives.drift.spending import alpha_of_look

ROOT = Path(__file__).parents[2]
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
BASELINE, WINDOW = 28, 7  # days
FOUND_WITHIN = 14  # days
WATCH = ("brightness", "contrast", "sharpness", "object_size", "class_mix", "count")
STRENGTHS = {
    "darker": (0.05, 0.1, 0.2, 0.3, 0.4),
    "contrast": (0.1, 0.2, 0.3, 0.4),
    "blurred": (0.5, 1.0, 2.0, 3.0),  # standard deviation, px
    "smaller": (0.1, 0.2, 0.3, 0.4),
    "class gone": (1.0,),
}
Embed = Callable[[Any], tuple[float, ...] | None]


@dataclass(frozen=True, eq=False)
class Photo:
    """An image of the stream, its quiet figures, and those after each change of its pixels."""

    image: DriftImage
    changed: dict[tuple[str, float], tuple[dict[str, float], tuple[float, ...] | None]]


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    options = _options().parse_args(arguments)
    lines = []
    embed: Embed = Embedder(Path(options.embedder)) if options.embedder else lambda _: None
    for seed in range(options.seed, options.seed + options.seeds):
        sources = [
            ("shelves", _shelves(options, seed, embed)),
            *((Path(f).name, _drawn(f, options, seed, embed)) for f in options.data),
        ]
        for name, photos in sources:
            stream = sorted(photos, key=lambda photo: photo.image.at)
            for line in (*_quiet(stream, options.weeks), *_power(stream, options, seed)):
                lines.append({"stream": name, "seed": seed, **line})
                print(json.dumps(lines[-1]), flush=True)
    if options.to:
        Path(options.to).write_text(json.dumps(lines, indent=1))
    return lines


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], help="folders of data sets, in any format that is read")
    parser.add_argument("--weeks", type=int, default=34, help="of the stream, the baseline's four among them")
    parser.add_argument("--stores", type=int, default=8)
    parser.add_argument("--images", type=int, default=4, help="of a store and week")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--trials", type=int, default=8, help="weeks in which each change comes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--embedder", help="an exported detector")
    parser.add_argument("--to", help="file of all lines")
    return parser


def _shelves(options: argparse.Namespace, seed: int, embed: Embed) -> Iterator[Photo]:
    """Render a stream: stores with their own lamps and cameras, a planogram for each store and week."""
    rng = np.random.default_rng(seed)
    stores = make_stores(tuple(f"store-{i}" for i in range(options.stores)), rng)
    for week, (index, store) in product(range(options.weeks), enumerate(stores)):
        planogram = make_planogram(week, index, rng)
        for _ in range(options.images):
            picture, _, sights = photograph(rng, store, planogram)
            boxes = [(sight.product.name, *sight.box) for sight in sights]
            at = START + timedelta(days=7 * week + rng.uniform(0, 7))
            yield _photo(picture, boxes, at, store.name, embed)


def _drawn(folder: str, options: argparse.Namespace, seed: int, embed: Embed) -> Iterator[Photo]:
    """Draw a stream from a data set's images."""
    rng = np.random.default_rng((seed, 1))
    dataset = read_dataset(Path(folder))
    images = [image for split in dataset.splits.values() for image in split]
    known: dict[int, Photo] = {}
    for week, _ in product(range(options.weeks), range(options.stores * options.images)):
        at = START + timedelta(days=7 * week + rng.uniform(0, 7))
        number = int(rng.integers(len(images)))
        if number not in known:
            image = images[number]
            corners = image.boxes_xywh + np.pad(image.boxes_xywh[:, :2], ((0, 0), (2, 0)))
            names = [dataset.classes[label] for label in image.classes]
            boxes = [(name, *box) for name, box in zip(names, corners.tolist(), strict=True)]
            known[number] = _photo(cv2.imread(str(image.path)), boxes, at, "", embed)
        yield replace(known[number], image=replace(known[number].image, at=at))


def _photo(picture: Any, boxes: list[tuple[Any, ...]], at: datetime, group: str, embed: Embed) -> Photo:
    area = picture.shape[0] * picture.shape[1]
    sizes = [float(np.sqrt((x1 - x0) * (y1 - y0) / area)) for _, x0, y0, x1, y1 in boxes]
    found = {"count": float(len(boxes)), **({"object_size": median(sizes)} if sizes else {})}
    figures = {**image_figures(picture).to_json(), **found}
    pixels = {
        (kind, strength): _pixels(picture, kind, strength)
        for kind in ("darker", "contrast", "blurred")
        for strength in STRENGTHS[kind]
    }
    changed = {key: (image_figures(after).to_json(), embed(after)) for key, after in pixels.items()}
    classes = dict(Counter(name for name, *_ in boxes))
    return Photo(DriftImage(at, group, figures, classes, embed(picture)), changed)


def _pixels(picture: Any, kind: str, strength: float) -> Any:
    if kind == "darker":
        return cv2.convertScaleAbs(picture, alpha=1 - strength)
    if kind == "contrast":
        return cv2.convertScaleAbs(picture, alpha=1 - strength, beta=strength * float(picture.mean()))
    return cv2.GaussianBlur(picture, (0, 0), strength)


def _after(photo: Photo, kind: str, strength: float, gone: str) -> DriftImage:
    """Return an image as it is after a change."""
    image = photo.image
    if kind == "smaller":
        sized = {n: value * (1 - strength) if n == "object_size" else value for n, value in image.figures.items()}
        return replace(image, figures=sized)
    if kind == "class gone":
        kept = {name: count for name, count in (image.classes or {}).items() if name != gone}
        return replace(image, classes=kept, figures={**image.figures, "count": float(sum(kept.values()))})
    figures, embedding = photo.changed[kind, strength]
    return replace(image, figures={**image.figures, **figures}, embedding=embedding)


def _span(
    photos: Sequence[Photo], first: float, end: float, change: Callable[[Photo], DriftImage] | None, since: float
) -> DriftSample:
    """Return images of a span of days; those from day `since` on after a change."""
    edges = [START + timedelta(days=day) for day in (first, end, since)]
    inside = [photo for photo in photos if edges[0] <= photo.image.at < edges[1]]
    return DriftSample.of(change(p) if change and p.image.at >= edges[2] else p.image for p in inside)


@cache
def _defaults() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "conf" / "pipeline" / "base.yaml").read_text())["triggers"]["drift"]
    return found


def _seen(reference: DriftSample, window: DriftSample, step_days: float) -> list[str]:
    """Return the figures that our look calls drifted, at the defaults."""
    drift = _defaults()
    alpha = alpha_of_look(drift["false_alarms"], step_days, WINDOW)
    watch = (*WATCH, "embedding") if window.images and window.images[0].embedding else WATCH
    found = look(reference, window, watch, drift["margins"], alpha, images_min=drift["images_min"])
    return [figure.name for figure in found if figure.drifted]


def _plain(reference: DriftSample, window: DriftSample) -> list[str]:
    """Return the figures that a test of single images calls drifted at 5 % each."""
    found = []
    for name in (name for name in WATCH if name != "class_mix"):
        sides = [[i.figures[name] for i in side.images if name in i.figures] for side in (reference, window)]
        if ks_2samp(*sides).pvalue < 0.05:
            found.append(name)
    counted = [sum((Counter(i.classes) for i in side.images), Counter()) for side in (reference, window)]
    names = sorted(set(counted[0]) | set(counted[1]))
    table = np.array([[counts[name] for name in names] for counts in counted])
    return [*found, "class_mix"] if len(names) > 1 and chi2_contingency(table).pvalue < 0.05 else found


def _quiet(photos: Sequence[Photo], weeks: int) -> Iterator[dict[str, Any]]:
    reference = _span(photos, 0, BASELINE, None, 0)
    for step in (7, 1):
        ours, plain, looks = Counter[str](), Counter[str](), 0
        for now in range(BASELINE + WINDOW, 7 * weeks + 1, step):
            window = _span(photos, now - WINDOW, now, None, 0)
            looks += 1
            for counts, found in ((ours, _seen(reference, window, step)), (plain, _plain(reference, window))):
                counts.update(found + (["any"] if found else []))
        yield {"quiet": True, "step_days": step, "looks": looks, "ours": dict(ours), "ks": dict(plain)}


def _power(photos: Sequence[Photo], options: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    reference = _span(photos, 0, BASELINE, None, 0)
    classes = sum((Counter(image.classes) for image in reference.images), Counter())
    gone = classes.most_common(1)[0][0]
    last = options.weeks - FOUND_WITHIN // 7
    mondays = np.linspace(BASELINE // 7 + 1, last, options.trials).astype(int) * 7
    for kind, strength in ((kind, s) for kind, strengths in STRENGTHS.items() for s in strengths):
        if kind == "class gone" and len(classes) < 2:
            continue
        found, weekly = [], 0
        for monday in mondays.tolist():

            def changed(photo: Photo, kind: str = kind, strength: float = strength) -> DriftImage:
                return _after(photo, kind, strength, gone)

            weekly += bool(_seen(reference, _span(photos, monday, monday + 7, changed, monday), 7))
            for day in range(1, FOUND_WITHIN + 1):
                now = monday + day
                if _seen(reference, _span(photos, now - WINDOW, now, changed, monday), 1):
                    found.append((day, len(_span(photos, monday, now, None, 0).images)))
                    break
        share = round(classes[gone] / sum(classes.values()), 3) if kind == "class gone" else strength
        middle = [median(each) for each in zip(*found, strict=True)] if found else [None, None]
        yield {
            "change": kind,
            "strength": share,
            "found": len(found) / len(mondays),
            "days": middle[0],
            "images": middle[1],
            "weekly": weekly / len(mondays),
        }


if __name__ == "__main__":
    main()
