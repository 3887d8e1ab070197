"""A study whose device another machine has: who joins asks its queue for latencies, who has the device measures."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.deploy.device import Device
from objectives.latency.hosts.open import describe
from objectives.latency.hosts.queue import REFUSED, Answer, InQueue, Order, in_queue, measured_elsewhere
from objectives.records.artifacts.stored_files import artifacts_of
from objectives.records.study_record import StudyRecord
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.files.place import open_place
from search.study.folder.prepare import prepared_folder
from search.study.measuring.asking import Asker
from search.study.measuring.claimed import Whereabouts, post_of
from search.study.measuring.orders import Orders
from search.study.measuring.parcels import Parcels, SharedFolder
from search.study.measuring.serving import Server, ServingThread
from search.study.store import existing_study, has_begun, open_storage, storage_url
from search.study.terms.elsewhere import is_elsewhere, words
from spaces.errors import DeviceError

if TYPE_CHECKING:
    import optuna

    from search.loop.search import Search

ORDERS_FOLDER = "queue"  # what the names of orders' files begin with


@dataclass
class Elsewhere:
    """The devices of a study that another machine has, for one process.

    Attributes:
        settings: of the process.
        descriptions: of those devices, by their names, as the study keeps them.
        notes: a line on each of them.
        asker: while the process works on the study.
    """

    settings: Settings
    descriptions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    asker: Asker | None = None

    @property
    def hosts(self) -> list[InQueue]:
        """A host for each of the devices."""
        devices = (device for device in self.settings.targets if device.name in self.descriptions)
        return [InQueue(device, self.descriptions[device.name], self._ask) for device in devices]

    @contextmanager
    def working(self, opened: "Search") -> Iterator[None]:
        """Ask for what another machine has to measure, and measure for others, while a search is open."""
        settings, claims, orders = self.settings, opened.claims, Orders(opened.study)
        own = {device.name: device for device in settings.targets if in_queue(device) is None}
        with ExitStack() as stack:
            if self.descriptions:
                self.asker = opened.crew.asker = stack.enter_context(self._made_asker(opened, orders))
                stack.callback(lambda: setattr(opened.crew, "asker", None))
            if own:
                say = opened.crew.late_notes.append
                parcels = parcels_of(opened.study, settings.folder)
                server = Server(orders, parcels, claims, own, device_names(settings), say)
                stack.enter_context(ServingThread(server, say))
            yield

    def _made_asker(self, opened: "Search", orders: Orders) -> Asker:
        settings = self.settings
        where = Whereabouts(opened.study.study_name, settings.folder, settings.store.url)
        names, wait_s = device_names(settings), settings.queue.wait_s
        parcels, key = parcels_of(opened.study, settings.folder), opened.session.key
        return Asker(orders, parcels, opened.claims, key, names, self.descriptions, wait_s, where)

    def _ask(self, order: Order) -> Answer | None:
        if self.asker is None:
            return Answer(away=f"device={order.device}: nobody can be asked before the search has begun")
        return self.asker.ask(order)


def device_names(settings: Settings) -> list[str]:
    """Return the names of a study's devices, in order."""
    return [device.name for device in settings.targets]


def parcels_of(study: "optuna.Study", folder: Path) -> Parcels:
    """Return what sends files between the machines of a study: by its artifact store, or the folder that they share.

    Raises:
        AutomlError: the artifact store cannot be used.
    """
    found = artifacts_of(study)
    if found is None:
        return Parcels(SharedFolder(folder), ORDERS_FOLDER)
    return Parcels(open_place(found.url), f"{ORDERS_FOLDER}/{found.prefix}")


@contextmanager
def known_elsewhere(settings: Settings, study: "optuna.Study | None", claims: Claims) -> Iterator[Elsewhere]:
    """Have devices that another machine has, and that are the study's else, measured through its queue inside.

    Where claims do not reach other machines, a device counts as elsewhere only while somebody measures on it: else
    the study has been moved here.

    Args:
        settings: of a process that joins.
        study: None where it is to be made: then its devices are those of this machine.
        claims: of this process.
    """
    found = Elsewhere(settings)
    if study is not None and settings.queue.elsewhere != REFUSED:
        record, names = StudyRecord.of(study), device_names(settings)
        for device in settings.targets:
            kept = record.device if device is settings.targets[0] else record.devices.get(device.name)
            here = _described_here(device)
            if not kept or not is_elsewhere(device, here, kept):
                continue
            if claims.reach_other_machines or claims.is_elsewhere(post_of(device.name, names)):
                found.descriptions[device.name] = dict(kept)
                found.notes.append(words(device.name, kept, here))
    with measured_elsewhere(found.hosts):
        yield found


@contextmanager
def boards_elsewhere(settings: Settings) -> Iterator[None]:
    """Have boards that this machine does not reach, and that others measure on for the study, pass as usable inside."""
    away = [device for device in settings.targets if device.host is not None and _described_here(device) is None]
    if settings.queue.elsewhere == REFUSED or not away or not has_begun(settings):
        yield
        return
    with prepared_folder(settings) as claims:
        study = existing_study(settings, open_storage(storage_url(settings.folder, settings.store.url)))
        with known_elsewhere(settings, study, claims):
            yield


def _described_here(device: Device) -> Mapping[str, Any] | None:
    """Return how this machine describes a device; None where it cannot use it."""
    try:
        return describe(device)
    except DeviceError:
        return None
