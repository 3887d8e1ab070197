"""One look: each watched figure of a window against its baseline, with its change, its margin and its p."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.drift.blocks import Apart, Rows, compare
from objectives.drift.margins import p_of_length, p_of_ratio
from objectives.drift.sample import WATCHABLE, DriftImage, DriftSample
from objectives.drift.spending import holm
from spaces.errors import SettingsError, nearest

BINS = 24  # of a histogram
DAY_S = 86_400.0


@dataclass(frozen=True)
class DriftFigure:
    """What a look says of one figure.

    Attributes:
        name: of `WATCHABLE`.
        baseline: centre of the baseline: the median (the mean of a count), of each group and span, then over them with
            the window's weights; None for class mix and embedding, which are no single number.
        now: centre of the window, likewise.
        change: now / baseline - 1; of class mix the total variation distance, 0 to 1; of the embedding how far the
            centre has moved, in typical distances of a baseline's image from its group's centre. None if unknown.
        margin: up to which a change means nothing.
        p: of the hypothesis that the true change lies within the margin; 1 where nothing could be tested.
        alpha: level that p was held against: a look's alpha shared over its figures by Holm's procedure.
        drifted: whether p is at most alpha.
        images: of the window that have the figure and were compared.
        images_baseline: of the baseline.
        groups: of the window.
        groups_baseline: of the baseline.
        blocks: what repeats and so says how much the figure moves without drift.
        by_group: group -> its change, where groups recur and the figure is one number.
        edges: of the histogram's bins, one more than counts; empty for class mix.
        labels: class names, in place of edges, for class mix.
        counts: images (objects, for class mix) of the window by bin.
        counts_baseline: of the baseline.
        note: what was left out, or why nothing was tested; else empty.
    """

    name: str
    baseline: float | None
    now: float | None
    change: float | None
    margin: float
    p: float
    alpha: float
    drifted: bool
    images: int
    images_baseline: int
    groups: int
    groups_baseline: int
    blocks: str
    by_group: dict[str, float]
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    counts_baseline: tuple[int, ...]
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def look(
    reference: DriftSample,
    window: DriftSample,
    watch: Iterable[str],
    margins: Mapping[str, float],
    alpha: float,
    *,
    window_days: float = 7.0,
    images_min: int = 30,
) -> tuple[DriftFigure, ...]:
    """Hold a window against its baseline.

    Args:
        reference: the baseline.
        window: the last images.
        watch: names of figures, of `WATCHABLE`.
        margins: name -> change up to which nothing is said.
        alpha: probability of any false alarm of this look; see `alpha_of_look`.
        window_days: length of the window: spans as long repeat within the baseline.
        images_min: images with the figure that the window and the baseline must have, or nothing is said.

    Raises:
        SettingsError: a name is not known, or has no margin.
    """
    seen = [_figure(name, reference, window, _margin(name, margins), window_days, images_min) for name in watch]
    tested = [i for i, figure in enumerate(seen) if figure.blocks]
    for i, (drifted, level) in zip(tested, holm([seen[i].p for i in tested], alpha), strict=True):
        seen[i] = replace(seen[i], drifted=drifted, alpha=level)
    return tuple(seen)


def _margin(name: str, margins: Mapping[str, float]) -> float:
    if name not in WATCHABLE:
        raise SettingsError(
            f"drift.watch: '{name}' is no figure{nearest(name, WATCHABLE)}; one of {', '.join(WATCHABLE)}"
        )
    if name not in margins:
        raise SettingsError(f"drift.margins: '{name}' is watched and has no margin; add {name}: 0.15")
    return margins[name]


def _figure(
    name: str, reference: DriftSample, window: DriftSample, margin: float, window_days: float, images_min: int
) -> DriftFigure:
    classes = _classes(reference, window) if name == "class_mix" else ()
    base, now = _rows(name, reference.images, classes), _rows(name, window.images, classes)
    blank = _blank(name, margin, base, now)
    if name == "embedding" and reference.embedder != window.embedder:
        return replace(blank, note="the baseline was embedded by another file's backbone")
    if min(len(now.days), len(base.days)) < max(1, images_min):
        few, found = ("window", now) if len(now.days) < images_min else ("baseline", base)
        return replace(blank, note=f"the {few} has {len(found.days)} of the {images_min} images that are needed")
    apart = compare(base, now, window_days, _centre(name))
    measured = _measured(name, margin, apart, base)
    left_out = len(now.days) - apart.images
    note = f"{left_out} images of groups that the baseline lacks were left out" if left_out else ""
    if not apart.df:
        note = "nothing repeats (one group, one day), so that nothing could be tested"
    measured |= {} if apart.df else {"p": 1.0}
    figure = replace(blank, **measured, images=apart.images, images_baseline=apart.images_baseline, note=note)
    figure = replace(figure, blocks=apart.blocks if apart.df else "")
    return replace(figure, **_histogram(name, base, now, classes))


def _blank(name: str, margin: float, base: Rows, now: Rows) -> DriftFigure:
    """Return what is said of a figure that was not tested."""
    images, groups = (len(now.days), len(base.days)), (len(np.unique(now.groups)), len(np.unique(base.groups)))
    return DriftFigure(name, None, None, None, margin, 1.0, 0.0, False, *images, *groups, "", {}, (), (), (), (), "")


def _rows(name: str, images: tuple[DriftImage, ...], classes: tuple[str, ...]) -> Rows:
    """Return the images that have a figure."""
    values = [_values(name, image, classes) for image in images]
    kept = [(value, image) for value, image in zip(values, images, strict=True) if value is not None]
    width = len(kept[0][0]) if kept else 1
    return Rows(
        np.array([value for value, _ in kept], dtype=np.float64).reshape(-1, width),
        np.array([image.at.timestamp() / DAY_S for _, image in kept]),
        np.array([image.group for _, image in kept], dtype=np.str_),
    )


def _values(name: str, image: DriftImage, classes: tuple[str, ...]) -> tuple[float, ...] | None:
    if name == "embedding":
        return image.embedding
    if name == "class_mix":
        return tuple(float(image.classes.get(label, 0)) for label in classes) if image.classes else None
    value = image.figures.get(name)
    return None if value is None or not math.isfinite(value) else (value,)


def _classes(*samples: DriftSample) -> tuple[str, ...]:
    return tuple(sorted({label for sample in samples for image in sample.images for label in image.classes or ()}))


def _centre(name: str) -> Any:
    """Return the centre of a block's images: shares of all its objects, the mean, or the median."""
    if name == "class_mix":
        return lambda values: values.sum(axis=0) / values.sum()
    if name in ("embedding", "count"):  # the median of a count jumps from one integer to the next
        return lambda values: values.sum(axis=0) / len(values)
    return _median


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each column; of a block's few images NumPy's own takes ten times as long."""
    ordered = np.sort(values, axis=0)
    middle: NDArray[np.float64] = (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
    return middle


def _measured(name: str, margin: float, apart: Apart, base: Rows) -> dict[str, Any]:
    """Return the change and its p."""
    covariance = apart.var_now + apart.var_baseline
    sds = np.sqrt(np.diag(covariance))
    top = math.sqrt(max(0.0, float(np.linalg.eigvalsh(covariance)[-1]))) if len(covariance) > 1 else float(sds[0])
    off = apart.now - apart.baseline
    df = max(apart.df, 1.0)
    if name == "class_mix":
        change = float(np.abs(off).sum()) / 2
        expected = float(sds.sum()) * math.sqrt(2 / math.pi) / 2
        greatest = min(float(sds.sum()), top * math.sqrt(len(sds))) / 2
        return {"change": change, "p": p_of_length(change, expected, greatest, df, margin)}
    if name == "embedding":
        radius = _radius(base)
        if not radius:
            return {"change": None, "p": 1.0}
        change = float(np.linalg.norm(off)) / radius
        expected = math.sqrt(float(np.trace(covariance)))
        return {"change": change, "p": p_of_length(change, expected / radius, top / radius, df, margin, power=2)}
    now, was = float(apart.now[0]), float(apart.baseline[0])
    p = p_of_ratio(now, was, float(apart.var_now[0, 0]), float(apart.var_baseline[0, 0]), df, margin)
    groups = {group: float(a[0] / b[0] - 1) for group, (a, b) in apart.by_group.items() if b[0] > 0}
    return {"baseline": was, "now": now, "change": now / was - 1 if was > 0 else None, "p": p, "by_group": groups}


def _off_centre(rows: Rows, centres: Mapping[str, NDArray[np.float64]], other: NDArray[np.float64]) -> Any:
    """Return how far each image lies from the centre of its group's baseline, or from all of it for a new group."""
    middle = np.array([centres.get(group, other) for group in rows.groups.tolist()])
    return np.linalg.norm(rows.values - middle, axis=1)


def _group_centres(base: Rows) -> dict[str, NDArray[np.float64]]:
    return {group: base.values[base.groups == group].mean(axis=0) for group in np.unique(base.groups).tolist()}


def _radius(base: Rows) -> float:
    """Return the typical (root mean square) distance of a baseline's image from its group's centre."""
    distances = _off_centre(base, _group_centres(base), base.values.mean(axis=0))
    return float(np.sqrt((distances**2).mean()))


def _histogram(name: str, base: Rows, now: Rows, classes: tuple[str, ...]) -> dict[str, Any]:
    if name == "class_mix":
        sums = [tuple(int(count) for count in rows.values.sum(axis=0)) for rows in (now, base)]
        return {"labels": classes, "counts": sums[0], "counts_baseline": sums[1]}
    sides = [rows.values[:, 0] for rows in (now, base)]
    if name == "embedding":
        centres, radius = _group_centres(base), _radius(base) or 1.0
        sides = [_off_centre(rows, centres, base.values.mean(axis=0)) / radius for rows in (now, base)]
    edges = np.histogram_bin_edges(np.concatenate(sides), BINS)
    counts = [tuple(int(count) for count in np.histogram(side, edges)[0]) for side in sides]
    return {"edges": tuple(edges.tolist()), "counts": counts[0], "counts_baseline": counts[1]}
