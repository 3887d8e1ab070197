"""A pipeline of quick rounds that is killed at random moments, and looked at after each kill.

`python tests/benchmarks/pipeline_faults.py` kills fifty times; a test a few times. Half of the kills come at a moment
of a look that chance names, half within milliseconds of a fact: there a step ends and the next one begins. Those of the
test all come at facts: how many there are is no matter of the machine's speed.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import psutil
from block_stream import CLASSES, GROUP, TIME, TIME_FORMAT, BlockStream
from process_words import words_of
from rendered_stream import Photo
from stream_answers import label

from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import ImageStatus
from search.operate.journal.open import open_journal, paths_of
from search.operate.journal.state import PipelineState, state_of
from search.operate.rollout.pointer import pointed
from search.operate.rollout.whole import check_whole
from search.settings.pipeline.pipeline_settings import PipelineSettings, load_pipeline

AUTOML = Path(sys.executable).with_name("automl")
ONCE = set(FactKind) - {FactKind.LOOKED, FactKind.FAILED, FactKind.ALERTED, FactKind.HOOK_CALLED, FactKind.ASKED}
LOOK_S, LONG_S = 20.0, 600.0  # a look that chance kills is killed within so long; none takes longer than the second
WEEKS = 2
QUICK = ("trial.run=staged_trainer:run_trial", "store.free_mb_min=1", "budget.trials=2", "trial.epochs=2")
SEARCHED = (*QUICK, "baseline=none", "sampler=random", "pruner=none")


@dataclass
class KilledPipeline:
    """A pipeline of two rounds: the first makes a poor champion, the second, after labels came back, a better one.

    Attributes:
        folder: of everything.
        seed: of the moments.
        share_at_fact: of kills that come at a fact, whatever a look takes; the others come by the clock.
        kills: by the fact that was the last one then; "before all" for none.
        looks: lines that ended by themselves.
    """

    folder: Path
    seed: int
    share_at_fact: float = 0.5
    kills: Counter[str] = field(default_factory=Counter)
    looks: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._stream = BlockStream(self.folder / "stream", images_week=16)
        self._labels = self.folder / "labels"
        self._labels.mkdir(parents=True, exist_ok=True)
        self._photos: dict[str, Photo] = {}

    @property
    def line(self) -> list[str]:
        """The settings, as a user types them."""
        stream = {"images": self._stream.images, "labels": self._labels, "time": TIME, "group": GROUP}
        return [
            "pipeline=base",
            "name=blocks",
            f"folder={self.folder / 'pipelines'}",
            f"deployments={self.folder / 'deployments'}",
            f"data.root={self._stream.first()}",
            *(f"stream.{key}={value}" for key, value in stream.items()),
            f"stream.time_format={TIME_FORMAT}",
            "labelling.images_max=8",
            "triggers.cron=0 6 * * 1",
            "search.conf=smoke",
            f"search.first=[{','.join((*SEARCHED, 'seed=1007'))}]",
            f"search.again=[{','.join((*SEARCHED, 'seed=7'))}]",
            "search.carry=1",
            "search.hours_share=1000",
            "gates.slower_max=null",
            "hooks.promoted=cat >> " + str(self.folder / "promoted.jsonl"),
        ]

    @cached_property
    def settings(self) -> PipelineSettings:
        """The settings, read."""
        return load_pipeline(self.line)

    def run(self, kills: int) -> PipelineState:
        """Live through both rounds, killed so many times; return what the facts come to in the end."""
        for week in range(1, WEEKS + 1):
            self._photos |= {photo.sha256: photo for photo in self._stream.week(week)}
            monday = self._stream.begins(week + 1) + timedelta(hours=7)
            self._looked(monday, kills * (2 * week - 1) // (2 * WEEKS))
            for handed_over in sorted((self.settings.root / "to_label").glob("[0-9]*[0-9]")):
                label(handed_over, self._photos, CLASSES, self._labels)
            self._looked(monday + timedelta(hours=1), kills * week // WEEKS)
        return self.check_end()

    def _looked(self, now: datetime, until: int) -> None:
        """Give one line again and again, killed until that many kills were made, until it ends well."""
        while True:
            is_spared = self.kills.total() >= until
            if self._one_line(now, is_spared=is_spared):
                self.looks += 1
                return

    def _one_line(self, now: datetime, *, is_spared: bool) -> bool:
        """Give the line; return whether it ended by itself."""
        words = [str(AUTOML), "operate", *self.line, "--now", now.isoformat()]
        with (self.folder / "operate.txt").open("ab") as log:
            process = subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
        with process, _killed_at_last(process):
            if is_spared or not self._killed(process):
                code = process.wait(LONG_S)
                assert code == 0, (code, (self.folder / "operate.txt").read_text()[-3000:])
                self.check()
                return True
        self._none_left()
        facts = self.check().facts
        self.kills[facts[-1].kind.value if facts else "before all"] += 1
        return False

    def _killed(self, process: "subprocess.Popen[bytes]") -> bool:
        """Kill a line at its moment; False if it has ended before."""
        at_fact, until = self._chance.random() < self.share_at_fact, time.monotonic() + self._chance.uniform(0, LOOK_S)
        wanted = self._chance.randint(1, 4)  # facts from now on
        wait_s, written = self._chance.uniform(0, 0.1), self._written()
        begun = facts = len(self._facts())
        while process.poll() is None:
            if at_fact and written != (written := self._written()):
                facts = len(self._facts())
            if at_fact and facts >= begun + wanted:
                time.sleep(wait_s)
                break
            if not at_fact and time.monotonic() > until:
                break
            time.sleep(0.02)
        if process.poll() is not None:
            return False
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LONG_S)
        return True

    def _written(self) -> int:
        """Return when the journal was last written to: reading it all the time slows down what is looked at."""
        path = paths_of(self.settings).journal
        return path.stat().st_mtime_ns if path.exists() else 0

    def _facts(self) -> list[Fact]:
        with closing(open_journal(self.settings, to_read=True)) as journal:
            return journal.facts()

    def _none_left(self) -> None:
        """Wait until no process of the pipeline lives: all die with the one that operates."""
        until = time.monotonic() + 30
        while left := [one for one in psutil.process_iter() if self._is_ours(one)]:
            assert time.monotonic() < until, [words_of(one) for one in left]
            time.sleep(0.05)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            is_dead = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
            return not is_dead and any(str(self.folder) in word for word in process.cmdline())
        except psutil.Error:
            return False

    def check(self) -> PipelineState:
        """Check what must be so at every moment."""
        facts, paths = self._facts(), paths_of(self.settings)
        assert [fact.number for fact in facts] == list(range(1, len(facts) + 1))
        counts = Counter((fact.kind, fact.round) for fact in facts if fact.kind in ONCE)
        assert set(counts.values()) <= {1}, counts
        assert not [fact.words for fact in facts if fact.kind is FactKind.FAILED]
        named = pointed(paths)
        assert named is None or check_whole(paths.deployment(named)).version == named
        for folder in paths.deployed.glob("v[0-9]*[0-9]"):
            assert check_whole(folder).version == folder.name
        with closing(open_journal(self.settings, to_read=True)) as journal:
            for image in journal.images():
                assert not image.kept or (paths.folder / image.kept).is_file(), image
        return state_of(facts)

    def check_end(self) -> PipelineState:
        """Check what must be so in the end: no image is lost or there twice, both rounds are whole."""
        state, paths = self.check(), paths_of(self.settings)
        with closing(open_journal(self.settings, to_read=True)) as journal:
            images = journal.images()
        assert {image.sha256 for image in images} == set(self._photos)
        assert len({image.sha256 for image in images}) == len(images) == len(self._photos)
        pictures = [path for path in paths.images.rglob("*") if path.is_file() and path.suffix == ".png"]
        assert sorted(pictures) == sorted(paths.folder / image.kept for image in images if image.kept)
        handed = state.rounds[1].words(FactKind.LABELS_ASKED)["images"]
        assert sum(image.status is ImageStatus.LABELLED for image in images) == handed == 8
        assert [one.words(FactKind.ROUND_ENDED)["outcome"] for one in state.rounds] == ["promoted"] * WEEKS
        assert [one.version for one in state.serving] == ["v0001", "v0002"]
        assert pointed(paths) == "v0002"
        assert (self.folder / "promoted.jsonl").read_text().count('"kind": "promoted"') >= WEEKS
        self._none_left()
        return state


@contextmanager
def _killed_at_last(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Leave no line behind, whatever happens to the test."""
    try:
        yield
    finally:
        process.kill()
