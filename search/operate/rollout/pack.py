"""A round's export, packed as a version of the deployments: whole or not there, with the hashes of its files."""

import json
import os
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from objectives.deploy.artifact import read_meta
from objectives.deploy.artifact_files import read_properties
from objectives.deploy.confidence import confidence_of
from objectives.machine.files import whole_folder, write_text
from objectives.records.paths import CONFIG, CONVERTED, LINEAGE, MODEL
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState
from search.operate.paths import LAYOUTS_FOLDER, VERSION_CARD
from search.operate.rollout.layouts.contract import PackedVersion
from search.operate.rollout.layouts.registry import layouts_named
from search.operate.rollout.pointer import pointed, sync_folder
from search.operate.rollout.whole import VersionCard, check_whole, digests, mark_removed
from spaces.errors import StoreError

FORMATS_OF_EXPORT = "formats"  # folder of an export: the same detector in further formats
VERSION_NAME = re.compile(r"v(\d{4,})")


def version_name(number: int) -> str:
    """Return the name of the version that a round makes."""
    return f"v{number:04d}"


def pack(context: OperateContext, number: int) -> dict[str, Any]:
    """Pack the challenger of a round as a version of the deployments; one that is there whole stays as it is.

    Returns:
        words of the fact: `version`, `folder`, `layouts`.

    Raises:
        StoreError: the export is not there, or the version's folder is there and not whole.
    """
    version = version_name(number)
    folder = context.paths.deployment(version)
    if folder.exists():
        card = check_whole(folder)
    else:
        export = context.paths.round(number).export
        if not (export / MODEL).is_file() or not (export / LINEAGE).is_file():
            raise StoreError(f"round {number}: '{export}' holds no export; the round's search has to be exported first")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(folder) as partial:
            card = _write(context, number, export, partial)
            _sync(partial)
        sync_folder(folder.parent)
    make_room(context, spared={version})
    return {"version": version, "folder": str(folder), "layouts": list(card.layouts)}


def make_room(context: OperateContext, spared: Collection[str] = ()) -> list[str]:
    """Remove the files of older versions beyond `rollout.keep`, but their cards; return which.

    What serves, what served before it, and what is rolled out keeps its files, whatever its age.
    """
    state = context.journal.state()
    kept = {*spared, *_in_use(state), pointed(context.paths) or ""}
    cards = _cards(context.paths.deployed)
    there = [path for path, card in cards if card.removed_at is None]
    removed = []
    for folder in there[: max(0, len(there) - context.settings.rollout.keep)]:
        if folder.name not in kept:
            mark_removed(folder, context.now.isoformat())
            removed.append(folder.name)
            context.say(f"{folder.name} keeps its card alone: rollout.keep={context.settings.rollout.keep}")
    for folder, card in cards:  # those of a process that was killed after the mark, too
        if card.removed_at is not None or folder.name in removed:
            _empty(folder)
    return removed


def _cards(deployed: Path) -> list[tuple[Path, VersionCard]]:
    """Return the versions with their cards, the oldest first; a folder without a card is no version of ours."""
    found = []
    for folder in sorted(deployed.glob("v*"), key=lambda path: (len(path.name), path.name)):
        if VERSION_NAME.fullmatch(folder.name):
            with suppress(StoreError):
                found.append((folder, VersionCard.of(folder)))
    return found


def _in_use(state: PipelineState) -> set[str]:
    """Return the versions that serve, served just before, or are rolled out."""
    serving = [one.version for one in state.serving]
    before = [version for version in serving if version != serving[-1]][-1:]
    return {*serving[-1:], *before, *([state.rollout.version] if state.rollout else [])}


def _write(context: OperateContext, number: int, export: Path, folder: Path) -> VersionCard:
    for name in (MODEL, *CONVERTED, CONFIG):
        if (export / name).is_file():
            shutil.copyfile(export / name, folder / name)
    if (export / FORMATS_OF_EXPORT).is_dir():
        shutil.copytree(export / FORMATS_OF_EXPORT, folder / FORMATS_OF_EXPORT)
    lineage = json.loads((export / LINEAGE).read_text(encoding="utf-8"))
    of_round = _of_round(context, number)
    write_text(folder / LINEAGE, json.dumps({**lineage, "pipeline": of_round}, indent=2))
    card = _card(context, number, folder / MODEL, lineage)
    for layout in layouts_named(context.settings.rollout.layouts):
        place = folder / LAYOUTS_FOLDER / layout.name
        place.mkdir(parents=True)
        layout.write(PackedVersion(folder / MODEL, card, folder / LINEAGE), place)
    card = replace(card, files=digests(folder))
    write_text(folder / VERSION_CARD, card.dump())
    return card


def _of_round(context: OperateContext, number: int) -> dict[str, Any]:
    """Return what the round has come to: why it began, data version, search, judgement."""
    state = next((one for one in context.journal.state().rounds if one.number == number), None)
    found: dict[str, Any] = {"name": context.settings.name, "round": number, "version": version_name(number)}
    for key, kind in (
        ("begun", FactKind.ROUND_BEGUN),
        ("data_version", FactKind.VERSION_MADE),
        ("searched", FactKind.SEARCHED),
        ("judged", FactKind.JUDGED),
    ):
        if state is not None and kind in state.facts:
            found[key] = state.words(kind)
    return found


def _card(context: OperateContext, number: int, model: Path, lineage: dict[str, Any]) -> VersionCard:
    meta = read_meta(read_properties(model), model)
    latency = lineage.get("latency_full") or lineage.get("automl.latency") or {}
    return VersionCard(
        name=context.settings.name,
        version=version_name(number),
        round=number,
        made_at=context.now.isoformat(),
        classes=meta.classes,
        confidence=confidence_of(meta),
        device=str((lineage.get("device") or {}).get("name", "")),
        measured={key: latency[key] for key in ("p50_ms", "p95_ms") if latency.get(key) is not None},
        layouts=tuple(context.settings.rollout.layouts),
        files={},
    )


def _sync(folder: Path) -> None:
    """Have the files of a folder on the disk before the folder has its name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())


def _empty(folder: Path) -> None:
    """Remove all of a version's folder but its card."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != VERSION_CARD:
            path.unlink(missing_ok=True)
