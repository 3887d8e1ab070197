"""`automl measure`: measures latencies for a study's other machines, and shows each, until the study is done."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from objectives.deploy.device import Device, digest
from objectives.deploy.formats.deployed import prepare
from objectives.latency.hosts.open import check, describe
from objectives.records.records import Latency
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import trial_records
from reports.table.console import labelled, open_console
from reports.table.words import ms
from search.loop.elsewhere.join import device_names, parcels_of
from search.settings.settings import Settings
from search.settings.stored import read_changes, stored_settings
from search.study.budget import BudgetUsed
from search.study.claims.contract import Claims
from search.study.folder.prepare import prepared_folder
from search.study.measuring.orders import Orders
from search.study.measuring.serving import ORDERS_EVERY_S, Served, Server, ServingEnded
from search.study.sessions import covered_s
from search.study.store import load_study, store_errors
from search.study.terms.elsewhere import differences
from spaces.errors import DeviceError, SettingsError, StoreError, nearest

if TYPE_CHECKING:
    import optuna

MEASURE_SETTABLE = ("device", "device.host", "device.python", "store.folder", "store.url", "store.free_mb_min")
DONE_EVERY_S = 5.0  # between two looks whether the study is done
AWAY_PAUSE_S = 5.0  # after the store could not be used


def run_measure(name: str, arguments: Sequence[str], folder: str, store: str | None) -> None:
    """Measure for a study until those who search it have left and its budget is used, or until Ctrl-C.

    Args:
        name: of the study.
        arguments: `device=NAME` of several, and settings that the line changes.
        folder: where studies live.
        store: Optuna storage URL.

    Raises:
        DeviceError: this machine has not the study's device.
        SettingsError: the line is wrong.
        StoreError: there is no such study.
    """
    changes = read_changes("measure", arguments, MEASURE_SETTABLE)
    folder, store = str(changes.get("store.folder", folder)), changes.get("store.url", store)
    studies = Path(folder).expanduser().absolute()
    study = load_study(studies, name, store)
    settings = _settings(study, changes, studies, store)
    devices = _devices(study, settings, changes)
    console = open_console(highlight=False, soft_wrap=True)
    with prepared_folder(settings) as claims, store_errors(name):
        _introduce(console, settings, devices)
        server = Server(
            Orders(study), parcels_of(study, settings.folder), claims, devices, device_names(settings), console.print
        )
        with _ended_by_ctrl_c(server) as ended:
            console.print(_serve(console, study, settings, claims, server, ended))


def _settings(study: "optuna.Study", changes: dict[str, Any], studies: Path, store: str | None) -> Settings:
    kept = StudyRecord.of(study)
    changed = {key: value for key, value in changes.items() if key == "store.free_mb_min"}
    return stored_settings(study.study_name, kept.settings, str(kept.data["root"]), str(studies), store, changed)


def _devices(study: "optuna.Study", settings: Settings, changes: dict[str, Any]) -> dict[str, Device]:
    """Return the devices that the line asks for, each checked to be the study's own.

    Raises:
        DeviceError: one is not to be had here, or is another one than the study's.
        SettingsError: the study has no such device.
    """
    names, asked = device_names(settings), changes.get("device")
    if asked is not None and asked not in names:
        raise SettingsError(
            f"device: '{asked}' is none of the study's{nearest(str(asked), names)}; known: {', '.join(names)}"
        )
    reached = {key.partition(".")[2]: value for key, value in changes.items() if key.startswith("device.")}
    if reached and asked is None and len(names) > 1:
        raise SettingsError(f"device.{next(iter(reached))}: of several devices say which one's: device={names[0]}")
    found = {device.name: device for device in settings.targets if asked in (None, device.name)}
    return {name: _checked(study, settings, replace(device, **reached)) for name, device in found.items()}


def _checked(study: "optuna.Study", settings: Settings, device: Device) -> Device:
    kept = StudyRecord.of(study)
    expected = kept.device if device.name == settings.device.name else kept.devices[device.name]
    check(device)
    prepare(device)
    here = describe(device)
    if digest(here) != digest(expected):
        raise DeviceError(
            f"measure: device={device.name} is another one here than study '{study.study_name}' has "
            f"({differences(expected, here)}); give this line on the machine that has it"
        )
    return device


def _introduce(console: Console, settings: Settings, devices: dict[str, Device]) -> None:
    on = ", ".join(f"{name}: {describe(device)['processor']}" for name, device in devices.items())
    console.print(labelled("study", settings.name, 8))
    console.print(labelled("device", on, 8))
    console.print(
        f"{socket.gethostname()}, process {os.getpid()}: measures for the study's other machines; Ctrl-C ends"
    )


@contextmanager
def _ended_by_ctrl_c(server: Server) -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or a polite kill sets; a measurement that is under way is left at once."""
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()
        server.stop()

    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, end) for kind in kinds]
    try:
        yield ended
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def _serve(
    console: Console, study: "optuna.Study", settings: Settings, claims: Claims, server: Server, ended: threading.Event
) -> str:
    """Measure until the end; return why it has come."""
    count, look_at, why, was_searched = 0, 0.0, "", False
    server.take_posts()
    while not ended.is_set():
        try:
            with store_errors(settings.name):
                served = server.serve()
                if served is not None:
                    count += 1
                    console.print(_text(served))
                elif time.monotonic() >= look_at:
                    look_at = time.monotonic() + DONE_EVERY_S
                    server.take_posts()
                    is_searched = _is_searched(study, claims)
                    if was_searched and not is_searched and _is_used(study, settings):
                        return f"The budget of study '{settings.name}' is used; {count} measured here."
                    was_searched = was_searched or is_searched
            why = ""
        except ServingEnded:
            break
        except StoreError as error:  # a database that is away comes back, or is ended with Ctrl-C
            if str(error) != why:
                why = str(error)
                console.print(f"{why}; tried again")
            ended.wait(AWAY_PAUSE_S)
            continue
        if served is None:
            ended.wait(ORDERS_EVERY_S)  # it has nothing else to do
    return f"Ended; {count} measured here. Whoever else has the device goes on, or the same line again."


def _is_searched(study: "optuna.Study", claims: Claims) -> bool:
    """Whether a process searches a study."""
    return any(not one.ended and claims.is_alive(key) for key, one in StudyRecord.of(study).sessions.items())


def _is_used(study: "optuna.Study", settings: Settings) -> bool:
    """Whether the budget that a study was made with is used."""
    sessions = StudyRecord.of(study).sessions.values()
    searched_s = covered_s(span for one in sessions if not one.proves for span in one.spans)
    return not BudgetUsed.of(trial_records(study), searched_s).left(settings.budget)


def _text(served: Served) -> str:
    """Return one line on an order that was answered."""
    if served.answer.away:
        return f"order {served.order.number}: {served.answer.away}"
    figures = ", ".join(_figure(one) for one in served.answer.figures)
    return f"order {served.order.number} on {served.order.device}: {figures}  [{served.seconds:.2f} s]"


def _figure(found: Latency | DeviceError) -> str:
    if isinstance(found, DeviceError):
        return str(found)
    return f"p50 {ms(found.p50_ms)}, p95 {ms(found.p95_ms)}{'' if found.stable else ', unstable'}"
