"""A pipeline replayed: by a moved clock images arrive, servers answer, a labeller labels, and `automl operate` looks.

All of the pipeline's is done by its own command line; here is what surrounds it, and what became of it, read off its
journal. The accuracy of a week is that of the version that served at its end, by the judge of `stream_answers.py`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from command_line import Done, automl, script
from rendered_stream import Photo
from stream_answers import LatencyOf, Servers, label, map50_of, sample, served, steady

from objectives.predictions.write import append
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.open import open_journal
from search.settings.pipeline.pipeline_settings import PipelineSettings, load_pipeline

LINE_S = 3600.0  # a look with a search in it takes no longer


class Source(Protocol):
    """Where a stream's images come from, week by week, with their truth."""

    @property
    def images(self) -> Path:
        """The folder that the photographs' paths are relative to."""

    def begins(self, week: int) -> datetime:
        """Return the Monday of a week, from 1 on."""

    def week(self, number: int) -> list[Photo]:
        """Return the photographs of a week."""


@dataclass(frozen=True)
class WeekFigures:
    """What a week came to.

    Attributes:
        week: from 1 on.
        version: that served at its end; None for none.
        map50: of it on the week's truth; None for none.
        images: that arrived.
        begun: rounds that began: (number, kinds of triggers, why).
        outcome: of rounds that ended, by number.
        drifted: names of figures that were said to drift at any look.
        looks: lines that were run.
        failed: what looks printed that ended with another code than 0.
        alerts: that were sent, one line each.
    """

    week: int
    version: str | None
    map50: float | None
    images: int
    begun: tuple[tuple[int, tuple[str, ...], str], ...] = ()
    outcome: dict[int, str] = field(default_factory=dict)
    drifted: tuple[str, ...] = ()
    looks: int = 0
    failed: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "WeekFigures":
        """Return it from the values of its fields, as JSON has them."""
        begun = tuple((number, tuple(kinds), why) for number, kinds, why in values["begun"])
        outcome = {int(number): words for number, words in values["outcome"].items()}
        lists = {name: tuple(values.get(name, ())) for name in ("drifted", "failed", "alerts")}
        return cls(**{**values, "begun": begun, "outcome": outcome, **lists})


class PipelineReplay:
    """A pipeline in a folder of its own, and the world around it."""

    def __init__(
        self,
        folder: Path,
        source: Source,
        classes: Sequence[str],
        line: Sequence[str],
        *,
        latency_of: LatencyOf | None = None,
        sampled: int = 0,
        label_days: float | None = 7.0,
        apart: bool = False,
    ) -> None:
        """Set it up.

        Args:
            folder: all of it lies there.
            source: of the images.
            classes: of the truth.
            line: words of `automl operate` after it, `pipeline=...` first.
            latency_of: see `Servers`; 10 ms for every version by default.
            sampled: images of a week that are labelled at random and unasked, at its end.
            label_days: after which a hand-over comes back; None: never.
            apart: whether each look is a process of its own, as for users; else it is run in this one.
        """
        self.folder, self.source, self.classes = folder, source, list(classes)
        self.sampled, self.label_days, self.apart = sampled, label_days, apart
        self.images, self.labels, self.logs = (folder / name for name in ("incoming", "labels", "logs"))
        for place in (self.images, self.labels, self.logs):
            place.mkdir(parents=True, exist_ok=True)
        streams = (f"stream.images={self.images}", f"stream.labels={self.labels}", f"stream.predictions={self.logs}")
        places = (f"folder={folder / 'pipelines'}", f"deployments={folder / 'deployments'}")
        self.line = [*line, *streams, *places]
        self.settings: PipelineSettings = load_pipeline(self.line)
        self.servers = Servers(self.settings.deployed, self.images, latency_of or steady({}))
        self._known: dict[str, Photo] = {}

    def look(self, now: datetime, *more: str) -> Done:
        """Let the pipeline look once, as of a moment."""
        words = ("operate", *self.line, "--now", now.isoformat(), *more)
        return (
            script(*words, folder=self.folder, timeout_s=LINE_S) if self.apart else automl(*words, folder=self.folder)
        )

    def week(self, number: int, looks: int = 1) -> WeekFigures:
        """Let a week pass, with so many looks, the last one at its end."""
        photos, before, failed = self.source.week(number), len(self.facts()), []
        begins, end = self.source.begins(number), self.source.begins(number + 1)
        for i in range(1, looks + 1):
            since, now = (begins + (end - begins) * step / looks for step in (i - 1, i))
            self.arrive([photo for photo in photos if since <= photo.at < now])
            self.label(now)
            if i == looks and self.sampled:
                target = self.labels / f"sample-{number:04d}"
                sample(photos, self.sampled, self.images, self.classes, target, seed=number)
            done = self.look(now)
            failed += [f"exit code {done.returncode}: {done.stdout}{done.stderr}"] if done.returncode else []
        return self._figures(number, photos, self.facts()[before:], looks, failed)

    def know(self, number: int) -> None:
        """Know the photographs of a week that has passed, so that they can be labelled."""
        self._known |= {photo.sha256: photo for photo in self.source.week(number)}

    def arrive(self, photos: Sequence[Photo]) -> None:
        """Have photographs arrive, with their times, and be answered by what serves; again, and nothing happens."""
        self._known |= {photo.sha256: photo for photo in photos}
        new = [photo for photo in photos if not (self.images / photo.path).exists()]
        for photo in new:
            place = self.images / photo.path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(self.source.images / photo.path, place)
        append(self.logs / "answers.jsonl", self.servers.day(new))

    def label(self, now: datetime) -> int:
        """Give back what was handed over long enough ago; return the images."""
        back = 0
        for asked in self.of_kind(FactKind.LABELS_ASKED) if self.label_days is not None else ():
            if now - asked.at >= timedelta(days=self.label_days or 0.0):
                hand_over = self.settings.root / "to_label" / f"{asked.round or 0:04d}"
                back += label(hand_over, self._known, self.classes, self.labels)
        return back

    def facts(self) -> list[Fact]:
        """Return the pipeline's facts."""
        return open_journal(self.settings, to_read=True).facts()

    def of_kind(self, *kinds: FactKind) -> list[Fact]:
        """Return the facts of some kinds."""
        return [fact for fact in self.facts() if fact.kind in kinds]

    def _figures(
        self, number: int, photos: list[Photo], facts: list[Fact], looks: int, failed: list[str]
    ) -> WeekFigures:
        now = served(self.settings.deployed)
        map50 = map50_of(self.servers.answers(photos, now.current), self.classes) if now else None
        return WeekFigures(
            week=number,
            version=now.current if now else None,
            map50=map50,
            images=len(photos),
            begun=tuple(
                (fact.round or 0, tuple(fact.words["kinds"]), "; ".join(fact.words["why"]))
                for fact in facts
                if fact.kind is FactKind.ROUND_BEGUN
            ),
            outcome={fact.round or 0: fact.words["outcome"] for fact in facts if fact.kind is FactKind.ROUND_ENDED},
            drifted=tuple(sorted({name for fact in facts for name in drifted_of(fact)})),
            looks=looks,
            failed=tuple(failed),
            alerts=tuple(str(fact.words["what"]) for fact in facts if fact.kind is FactKind.ALERTED),
        )


def drifted_of(fact: Fact) -> list[str]:
    """Return the names of the figures that a look says drift."""
    watched: dict[str, Any] = fact.words.get("watched") or {} if fact.kind is FactKind.LOOKED else {}
    return [figure["name"] for figure in watched.get("drift", ()) if figure["drifted"]]
