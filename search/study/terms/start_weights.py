"""The weights that the trials of a study start from: files, by what a space names, and their part of the contract."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.records.study_record import StudyRecord
from objectives.weights.fetch import Hubs, Say
from objectives.weights.shelf import OF_USER, Shelf, WeightsFile
from search.settings.settings import Settings
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.baseline import Baseline, baselines
from spaces.network.published import HUB, NONE, Published, needed, published_for, sources, start_of

if TYPE_CHECKING:
    import optuna

PART = "weights"  # of the contract
WITHOUT = "random"  # in place of a hash: published weights were not there when the study began
LISTED_MOST = 5  # names in a note

Starts = Mapping[str, WeightsFile | None]  # published name, or path of a checkpoint -> its file


def wanted(settings: Settings, kept: Mapping[str, str] | None = None) -> tuple[Published, ...]:
    """Return the published weights that a study may start from, each once: those of its space, then its baseline's.

    A study that is there has its baseline's if it names them, or if the line names a baseline: one that an older automl
    began has none.

    Args:
        settings: the search's.
        kept: name -> hash, as the study has them; None for a study that has not begun.
    """
    own = [baseline.published for name in baselines() if (baseline := Baseline(name)).published.name in (kept or {})]
    detector, named = settings.baseline.detector, settings.baseline.is_named
    if detector is not None and (kept is None or named):
        own.append(detector.published)
    return tuple({one.name: one for one in (*needed(settings.space), *own)}.values())


def find_starts(settings: Settings, kept: Mapping[str, str] | None = None) -> Starts:
    """Return the files that trials of these settings start from; None for weights that are not here.

    Args:
        settings: the search's.
        kept: name -> hash, as a study has them: weights that it began without stay away.

    Raises:
        DataError: a file in the cache is not what was fetched.
        SettingsError: the folder is not there.
        SpaceError: a checkpoint that the space names is not there.
    """
    shelf, weights = Shelf.of(settings.pretrained.folder), wanted(settings, kept)
    found = shelf.find_all(weights)
    starts: dict[str, WeightsFile | None] = {
        one.name: None if (kept or {}).get(one.name) == WITHOUT else found.get(one.name) for one in weights
    }
    return {**starts, **{path: _own(path) for path in sources(settings.space) if path not in (NONE, HUB)}}


def card_of(starts: Starts) -> dict[str, str]:
    """Return name -> SHA-256, or "random"."""
    return {name: file.sha256 if file else WITHOUT for name, file in starts.items()}


def fingerprint_of(starts: Starts) -> str:
    """Return the contract's part as a text."""
    return json.dumps(card_of(starts), sort_keys=True)


def kept_card(fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Return name -> SHA-256 or "random" of a study's contract; an older automl kept none."""
    return dict(json.loads(fingerprints.get(PART, "{}")))


def differ(then: str, now: str) -> bool:
    """Whether weights that both parts name differ; what only one names is the space's difference."""
    old, new = json.loads(then), json.loads(now)
    return any(old[name] != new[name] for name in old.keys() & new.keys())


def starts_of(settings: Settings, study: "optuna.Study") -> Starts:
    """Return the files that trials of a study start from."""
    return find_starts(settings, kept_card(StudyRecord.of(study).fingerprints))


def fetch_starts(settings: Settings, study: "optuna.Study | None", say: Say) -> list[str]:
    """Fetch what a search starts from and is not here yet; return notes for people.

    Args:
        settings: the search's.
        study: the study, if it has begun: what it began without is not fetched any more.
        say: called with a line before each download.
    """
    fingerprints = StudyRecord.of(study).fingerprints if study is not None else {}
    kept = kept_card(fingerprints) if fingerprints else None  # a study without any was cut while it was made
    weights = wanted(settings, kept)
    without = [one.name for one in weights if (kept or {}).get(one.name) == WITHOUT]
    shelf = Shelf.of(settings.pretrained.folder)
    failed = Hubs(shelf, say).fetch([one for one in weights if one.name not in without])
    notes = []
    if failed:
        why = "; ".join(dict.fromkeys(failed.values()))
        notes.append(
            f"pretrained: {why}; these start from random weights: {_listed(list(failed))}; "
            "put the files into pretrained.folder=DIR, or see `automl weights`"
        )
    here = [name for name in without if name in shelf.find_all(weights)]
    if here:
        notes.append(
            f"pretrained: the study began without {_listed(here)} and goes on so, to compare its trials; "
            "name=NEW starts from the weights that are here now"
        )
    return notes


def start_alone(candidate: Candidate, folder: str | None, kept: str | None, say: Say) -> WeightsFile | None:
    """Return the file that a training outside a study starts from, fetched if need be; None for random weights.

    Args:
        candidate: what is trained.
        folder: as of `pretrained.folder`.
        kept: the hash that the study had of it, or "random": then this training starts so, too; None if not known.
        say: called with a line for people: what is fetched, and what is other than it was.
    """
    name = start_of(candidate)
    if name is None or kept == WITHOUT:
        return None
    weights, shelf = published_for(candidate), Shelf.of(folder)
    if weights is None or weights.name != name:
        file: WeightsFile | None = _own(name)
    else:
        for reason in Hubs(shelf, say).fetch([weights]).values():
            say(f"pretrained: {reason}")
        file = shelf.find(weights)
    if file is not None and kept not in (None, file.sha256):
        say(f"pretrained: '{file.path}' is another file than the search started from (another sha256)")
    return file


def _own(path: str) -> WeightsFile:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise SpaceError(f"train.pretrained: '{path}' is not a file; name a checkpoint, or take none or hub")
    return WeightsFile.of(file, OF_USER)


def _listed(names: list[str]) -> str:
    more = len(names) - LISTED_MOST
    return ", ".join(names[:LISTED_MOST]) + (f" and {more} more" if more > 0 else "")
