"""Rounds of seconds over a stream of blocks: the detectors are as good as `staged_trainer.py` is asked to make them."""

import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from block_stream import CLASSES, GROUP, TIME, TIME_FORMAT, BlockStream
from pipeline_replay import PipelineReplay
from stream_answers import served, steady

from search.operate.journal.facts import Fact, FactKind

# No look at how long files of one size take: this machine may be busy.
PLAIN = ("name=blocks", "search.conf=smoke", "search.carry=0", "gates.slower_max=null", "labelling.images_max=16")
STREAM = (f"stream.time={TIME}", f"stream.time_format={TIME_FORMAT}", f"stream.group={GROUP}")
QUICK = (
    *("trial.run=staged_trainer:run_trial", "trial.train_device=cpu", "store.free_mb_min=1"),
    *("budget.trials=1", "budget.hours=2"),  # later rounds have a share of the hours: enough on a busy machine
)


class BlockRounds(PipelineReplay):
    """A pipeline over blocks whose champion and challengers are of given stages."""

    def __init__(
        self,
        folder: Path,
        stream: BlockStream,
        preset: str,
        *more: str,
        stages: tuple[int, int],
        latency_ms: Mapping[str, float] | None = None,
        sampled: int = 0,
    ) -> None:
        """Set it up; `stages` are those of the first champion and of its challengers."""
        first, again = (
            f"search.{key}=[seed={1000 * stage + 42},{','.join(QUICK)}]"
            for key, stage in zip(("first", "again"), stages, strict=True)
        )
        line = [f"pipeline={preset}", *PLAIN, *STREAM, f"data.root={stream.first()}", first, again, *more]
        super().__init__(
            folder, stream, CLASSES, line, latency_of=steady(latency_ms or {}), sampled=sampled, label_days=0.0
        )

    def begin(self, now: datetime, why: str = "a test") -> datetime:
        """Begin a round by hand, label what it hands over, and let it go on; return the moment of the last look."""
        self._checked(now, "--begin", why)
        self.label(now)
        later = now + timedelta(hours=1)
        self._checked(later)
        return later

    def checked_look(self, now: datetime) -> None:
        """Look, and check that it went well."""
        self._checked(now)

    def last(self, kind: FactKind) -> Fact:
        """Return the last fact of a kind."""
        return self.of_kind(kind)[-1]

    @property
    def serving(self) -> str:
        """Return the version that serves, which lies there."""
        now = served(self.settings.deployed)
        assert now
        assert (self.settings.deployed / now.current / "version.json").exists()
        return now.current

    def _checked(self, now: datetime, *more: str) -> None:
        done = self.look(now, *more)
        assert done.returncode == 0, done.stdout + done.stderr


def after_first_round(champion: Path, folder: Path) -> Path:
    """Copy a pipeline whose first round is done; return the folder."""
    for part in ("pipelines", "deployments"):
        shutil.copytree(champion / part, folder / part, symlinks=True)
    return folder
