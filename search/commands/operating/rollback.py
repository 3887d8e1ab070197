"""`automl rollback`: another version serves, by hand."""

from contextlib import closing
from pathlib import Path

from objectives.machine.locks import locked_folder
from search.commands.operating.opened import Said, clock_of_line, open_context
from search.operate.context import OperateContext
from search.operate.due import version_before
from search.operate.hooks_due import HOOK_OF_KIND
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.open import paths_of
from search.operate.journal.state import PipelineState
from search.operate.rollout.hooks import call_hook
from search.operate.rollout.pointer import announce, point
from search.operate.rollout.whole import check_whole
from search.operate.words import words_of_fact
from search.settings.pipeline.compose_pipeline import PIPELINE_KEY, pipelines
from search.settings.pipeline.pipeline_settings import PipelineSettings, load_pipeline
from spaces.errors import SettingsError, StoreError, nearest


def run_rollback(arguments: list[str], *, version: str | None, why: str, now: str | None) -> None:
    """Roll a deployment back; it does not wait for a process that operates the pipeline.

    Raises:
        AutomlError: the pipeline or the version is not there, or is not whole.
    """
    settings, clock = _settings(arguments), clock_of_line(now)
    if settings.store.url is None and not paths_of(settings).journal.exists():
        raise StoreError(f"rollback: there is no pipeline in '{settings.root}'; give folder=... as it is operated with")
    context = open_context(settings, clock, Said("plain", clock))
    with closing(context.journal):
        fact = _rolled_back(context, version, why or "by hand")
        context.say(words_of_fact(fact))
        if settings.hooks.rolled_back:
            if error := call_hook(context, HOOK_OF_KIND[fact.kind], fact):
                raise StoreError(f"{error}; the pointer has moved; the next look calls the hook again")
            words = {"hook": HOOK_OF_KIND[fact.kind], "of": fact.number}
            context.journal.record(FactKind.HOOK_CALLED, clock(), words, fact.round)


def _rolled_back(context: OperateContext, version: str | None, why: str) -> Fact:
    """Move the pointer, then record it, while no other process moves it."""
    if not context.paths.deployed.is_dir():
        raise StoreError(f"rollback: nothing is deployed in '{context.paths.deployed}'")
    with locked_folder(context.paths.deployed):
        state = context.journal.state()
        goes, to = _from_to(state, version)
        check_whole(context.paths.deployment(to))
        point(context.paths, to)
        number = state.rollout.round if state.rollout else None
        words = {"version": goes, "to": to, "why": [why], "by": "hand"}
        fact = context.journal.record(FactKind.ROLLED_BACK, context.now, words, number)
        announce(context.paths, None)
    return fact


def _from_to(state: PipelineState, version: str | None) -> tuple[str, str]:
    """Return the version that goes and the one that serves from now on.

    Without a version, a shadow or canary goes and the champion stays; else the version before the champion serves.

    Raises:
        SettingsError: there is no version before, or the one that is named serves already.
    """
    champion = state.champion
    if champion is None:
        raise SettingsError("rollback: no version has come to serve yet")
    if state.rollout is not None and version in (None, champion.version):
        return state.rollout.version, champion.version
    to = version or version_before(state)
    if to is None:
        raise SettingsError(f"rollback: nothing served before {champion.version}; name a version with --to")
    known = [fact.words["version"] for fact in state.of_kind(FactKind.PACKED)]
    if to not in known:
        raise SettingsError(f"--to: there is no version '{to}'{nearest(to, known)}; known: {', '.join(known)}")
    if to == champion.version:
        raise SettingsError(f"--to: {to} serves already")
    return champion.version, to


def _settings(arguments: list[str]) -> PipelineSettings:
    """Return the settings that a line names: a preset, its path, or the folder of a pipeline."""
    name, *overrides = arguments
    if name.startswith(f"{PIPELINE_KEY}="):
        return load_pipeline(arguments)
    path = Path(name).expanduser()
    is_preset = path.suffix in (".yaml", ".yml") or name in pipelines()
    if is_preset:
        return load_pipeline([f"{PIPELINE_KEY}={name}", *overrides])
    folder = [f"folder={path.parent}"] if "/" in name else []
    return load_pipeline([f"{PIPELINE_KEY}=base", f"name={path.name}", "data.root=none", *folder, *overrides])
