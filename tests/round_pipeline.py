"""A pipeline as its rounds see it: settings of `conf/pipeline/base.yaml`, facts that are given, lines that are run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from command_line import automl, script
from omegaconf import OmegaConf

from search.operate.context import LineEnd, OperateContext
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.open import open_journal, paths_of
from search.operate.journal.state import PipelineState, state_of
from search.settings.compose import CONF
from search.settings.pipeline.pipeline_settings import PipelineSettings

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)


def pipeline(folder: Path, changes: Mapping[str, Any], said: list[str] | None = None) -> OperateContext:
    """Return a context whose lines are run in processes of their own.

    Args:
        folder: in which pipeline and deployments lie.
        changes: settings that are not as in base.yaml, by section: {"search": {"conf": "smoke"}}.
        said: takes what is said.
    """
    base = yaml.safe_load((CONF / "pipeline" / "base.yaml").read_text())
    own = {"name": "shelf", "folder": str(folder / "pipelines"), "deployments": str(folder / "deployments")}
    merged = OmegaConf.to_container(OmegaConf.merge(base, {"data": {"root": "embedded"}}, own, changes))
    settings = msgspec.convert(merged, PipelineSettings)
    heard = [] if said is None else said
    return OperateContext(settings, paths_of(settings), open_journal(settings), NOW, lines(folder), heard.append)


def lines(folder: Path, *, apart: bool = True) -> Callable[[Sequence[str], Path], LineEnd]:
    """Return what runs lines of automl, in processes of their own or in this one."""

    def run(words: Sequence[str], log: Path) -> LineEnd:
        log.parent.mkdir(parents=True, exist_ok=True)
        done = script(*words, folder=folder) if apart else automl(*words, folder=folder)
        with log.open("a") as stream:
            stream.write(f"$ automl {' '.join(words)}\n{done.stdout}{done.stderr}")
        return LineEnd(done.returncode, done.stdout)

    return run


def state_after(*facts: tuple[FactKind, int, Mapping[str, Any]]) -> PipelineState:
    """Return what facts come to: kind, round, words."""
    return state_of([Fact(i + 1, kind, number, NOW, words) for i, (kind, number, words) in enumerate(facts)])
