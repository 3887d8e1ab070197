"""`automl data errors`: what a trained detector gets wrong on a split, and which labels it doubts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track

from objectives.deploy.accuracy import SCORE_CONFIDENCE
from objectives.deploy.confidence import confidence_of
from objectives.deploy.detector import Detector
from objectives.deploy.errors.analysis import Analysed, Analysis, Seen, analyse, images_for
from objectives.deploy.errors.coco import next_json, predictions_coco, suspects_coco
from objectives.deploy.errors.looking import images_to_label, look, look_unlabelled
from objectives.deploy.errors.next_images import Looked, blocks, rank
from objectives.deploy.formats.deployed import open_deployed
from objectives.machine.files import write_text
from reports.errors.page import NextToLabel, write_errors_page
from reports.errors.text import summary_of_errors, summary_of_unlabelled
from reports.table.console import open_console
from search.settings.dataset import load_data
from search.study.shipped import Shipped, find_shipped, remember_look
from spaces.errors import AutomlError, SettingsError, nearest

SETTABLE = ("data.root", "data.format", "split", "device", "confidence")
OF_DATA = {"data.root", "data.format", "split"}
PAGE, VALUES, SUSPECTS, PREDICTIONS = ALWAYS = ("errors.html", "errors.json", "suspects.json", "predictions.json")
NEXT_JSON, NEXT_TXT = "next.json", "next.txt"
Item = TypeVar("Item")


def run_errors(
    where: str,
    words: Sequence[str],
    *,
    pick: str | None,
    folder: str,
    store: str | None,
    target: str | None,
    unlabelled: str | None,
) -> None:
    """Run a detector over a split, write what it gets wrong as a page and as files, and print it in short.

    Args:
        where: a study's name or folder, or an export's folder.
        words: a trial's number, and settings.
        pick: how the trial is picked, as by `automl export`.
        folder: where studies live.
        store: Optuna storage URL.
        target: folder that is written to.
        unlabelled: folder of images without labels.
    """
    trial, settings = _read_words(words)
    if trial is not None and pick is not None:
        raise SettingsError(f"errors: got trial {trial} and --pick {pick}; give one of them")
    shipped = find_shipped(where, trial or pick, folder, store)
    run = _Run(shipped, settings, open_console(highlight=False, soft_wrap=True))
    out = _target(shipped, run.data.split, target)
    others = None if unlabelled is None else run.to_label(Path(unlabelled).expanduser().absolute())
    analysis, looked = run.analysis()
    if shipped.study is not None and analysis.of.seen is Seen.HELD_OUT:  # on images of the study's own
        images = len(run.dataset.splits[run.data.split])
        remember_look(shipped.study, shipped.store, "data errors", run.data.split, images, shipped.trial)
    following = None if others is None else run.following(others, looked)
    _write(out, analysis, following)
    run.console.print(summary_of_errors(analysis))
    if following is not None:
        run.console.print(summary_of_unlabelled(following.found))
    files = ALWAYS if following is None else (*ALWAYS, NEXT_JSON, NEXT_TXT)
    run.console.print(f"written to {out}: {', '.join(files)}")


def _read_words(words: Sequence[str]) -> tuple[str | None, dict[str, str]]:
    """Return the trial's number, if one is given, and the settings."""
    plain, settings = [word for word in words if "=" not in word], dict[str, str]()
    if len(plain) > 1 or not all(word.isdecimal() for word in plain):
        wrong = next((word for word in plain if not word.isdecimal()), plain[-1])
        raise SettingsError(f"errors: expected one trial's number and settings (split=val), got '{wrong}'")
    for word in (word for word in words if "=" in word):
        key, _, value = word.partition("=")
        if key not in SETTABLE:
            hint = nearest(key, SETTABLE)
            raise SettingsError(f"errors: unknown setting '{key}'{hint}; known: {', '.join(SETTABLE)}")
        if not value:
            raise SettingsError(f"errors: {key} needs a value, got '{word}'; give {key}=...")
        settings[key] = value
    return (plain[0] if plain else None), settings


@dataclass(frozen=True)
class _ToLabel:
    """A folder, its images that are not in the data set, and the number of those that are."""

    folder: Path
    paths: list[Path]
    labelled: int


class _Run:
    """A detector, opened, and the data set that it is run over."""

    def __init__(self, shipped: Shipped, settings: Mapping[str, str], console: Console) -> None:
        self.shipped, self.console = shipped, console
        self.data = shipped.data_settings(
            {key.removeprefix("data."): settings[key] for key in OF_DATA & settings.keys()}
        )
        self.detector = Detector(open_deployed(shipped.model, shipped.device(settings.get("device"))), SCORE_CONFIDENCE)
        self.classes = self.detector.meta.classes
        as_deployed = confidence_of(self.detector.meta, shipped.confidence)
        self.confidence = _confidence(settings.get("confidence", f"{as_deployed:g}"))
        self.dataset = load_data(self.data)

    def analysis(self) -> tuple[Analysis, list[Looked]]:
        """Run the detector over the split; return its errors, and the images as ranking needs them."""
        split = self.data.split
        images = images_for(self.dataset, split, self.classes)
        looks = [look(self.detector, image.path, self.confidence) for image in self._shown(images, split)]
        is_own = self.dataset.fingerprint == self.shipped.data_fingerprint
        seen = Seen.UNKNOWN if not is_own else Seen.TRAINED_ON if split == "train" else Seen.HELD_OUT
        of = Analysed(self.shipped.name, self.dataset.name, split, self.classes, self.confidence, seen)
        return analyse(of, images, [found for found, _ in looks]), [looked for _, looked in looks]

    def to_label(self, folder: Path) -> _ToLabel:
        """Return the images of a folder that are not in the data set."""
        known = {image.path.resolve() for images in self.dataset.splits.values() for image in images}
        return _ToLabel(folder, *images_to_label(folder, known))

    def following(self, others: _ToLabel, labelled: Sequence[Looked]) -> NextToLabel:
        """Rank images without labels, beside those of the split."""
        shown = self._shown(others.paths, others.folder.name)
        found = look_unlabelled(self.detector, others.folder, shown, others.labelled, self.confidence)
        points = np.array([looked.features for looked in labelled])
        return NextToLabel(rank(found.looked, points, blocks(len(self.classes))), found)

    def _shown(self, items: Sequence[Item], what: str) -> Iterable[Item]:
        """Return items one by one, and show in a terminal how far that is."""
        return track(items, what, console=self.console, transient=True, disable=not self.console.is_terminal)


def _confidence(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not SCORE_CONFIDENCE <= value < 1:
        raise SettingsError(f"errors: confidence must be a score from {SCORE_CONFIDENCE:g} to under 1, got '{text}'")
    return value


def _target(shipped: Shipped, split: str, target: str | None) -> Path:
    """Return the folder that is written to: new, empty, or that of an earlier run."""
    out = Path(target).expanduser().absolute() if target else shipped.results / split
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / VALUES).is_file())):
        raise AutomlError(f"errors: '{out}' exists and is no earlier run's; name another with --to, or remove it")
    return out


def _write(out: Path, analysis: Analysis, following: NextToLabel | None) -> None:
    """Write all files; those of an earlier run go first, so that no two runs are mixed."""
    out.mkdir(parents=True, exist_ok=True)
    for name in (PAGE, SUSPECTS, PREDICTIONS, NEXT_JSON, NEXT_TXT):
        (out / name).unlink(missing_ok=True)
    _dump(out / VALUES, analysis.to_json())
    _dump(out / SUSPECTS, suspects_coco(analysis))
    _dump(out / PREDICTIONS, predictions_coco(analysis))
    if following is not None:
        _dump(out / NEXT_JSON, next_json(following.images, following.found, analysis.of.detector))
        write_text(out / NEXT_TXT, "".join(f"{image.looked.path}\n" for image in following.images))
    write_errors_page(analysis, following, out / PAGE)


def _dump(path: Path, values: dict[str, Any]) -> None:
    write_text(path, json.dumps(values, indent=1, ensure_ascii=False))
