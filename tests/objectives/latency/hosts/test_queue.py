"""A device that another machine has, without a store: orders as they are asked, answers as they come, and refusals."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from defaults import CPU, protocol_of
from window_detector import POOR, write_windows

from objectives.latency.hosts.here import Here
from objectives.latency.hosts.open import describe, fingerprint, host_of
from objectives.latency.hosts.queue import Answer, InQueue, Order, QueueSettings, asked_of, measured_elsewhere
from objectives.latency.measure import measure_latency
from objectives.latency.once import latencies_once, latency_once
from objectives.machine.device_locks import Patience
from objectives.records.records import Latency
from search.settings.sections import read_section
from spaces.errors import DeviceAway, DeviceError, SettingsError

PROTOCOL = protocol_of()
KEPT = {**CPU.describe(), "processor": "Another CPU"}
FIGURE = Latency(5.0, 6.0, 4.9, 5.1, 4.0, 60, 1.0, True, "", "feed", 10**6)


class Asked:
    """What is asked; the answer comes the third time."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.orders = answer, list[Order]()

    def __call__(self, order: Order) -> Answer | None:
        self.orders.append(order)
        return self.answer if len(self.orders) == 3 else None


def test_a_figure_is_asked_for_until_it_comes(tmp_path: Path) -> None:
    model, image = write_windows(tmp_path / "model.onnx", POOR), tmp_path / "image.png"
    asked, signs = Asked(Answer((FIGURE,))), list[float]()
    patience = Patience(lambda: signs.append(time.monotonic()))
    with measured_elsewhere([InQueue(CPU, KEPT, asked)]):
        assert fingerprint(CPU) != CPU.fingerprint
        assert describe(CPU) == KEPT
        assert latency_once(model, CPU, [image], PROTOCOL, patience=patience) == FIGURE
    assert describe(CPU) == CPU.describe()
    assert isinstance(host_of(CPU), Here)
    assert (len(asked.orders), len({order.key for order in asked.orders})) == (3, 1)
    order = asked.orders[0]
    assert (order.device, order.artifacts, order.images, order.protocol) == ("cpu", (model,), (image,), PROTOCOL)
    assert len(signs) == 2
    assert patience.waited_s > 0.1


def test_files_that_are_not_there_are_not_asked_for(tmp_path: Path) -> None:
    model = write_windows(tmp_path / "model.onnx", POOR)
    asked = Asked(Answer((FIGURE,)))
    with asked_of(asked, [CPU], ["cpu"]):
        missing, found = latencies_once([tmp_path / "none.onnx", model], CPU, [], PROTOCOL)
    assert isinstance(missing, DeviceError)
    assert found == FIGURE
    assert asked.orders[0].artifacts == (model,)


def test_a_device_that_nobody_measures_on_is_away(tmp_path: Path) -> None:
    asked = Asked(Answer(away="device=cpu: nobody measures"))
    with asked_of(asked, [CPU], ["cpu"]), pytest.raises(DeviceAway, match="nobody measures"):
        latency_once(write_windows(tmp_path / "model.onnx", POOR), CPU, [], PROTOCOL)


def test_other_devices_are_measured_here_meanwhile() -> None:
    other = replace(CPU, name="other")
    with asked_of(Asked(Answer()), [CPU, other], ["cpu"]):
        assert isinstance(host_of(other), Here)
        assert isinstance(host_of(CPU), InQueue)
        host_of(CPU).check()
        assert host_of(CPU).calm_ms() == ()


def test_what_is_timed_in_turn_needs_a_device_of_this_machine(tmp_path: Path) -> None:
    """As by a comparison, which must not measure another machine's device by this one's processes."""
    model = write_windows(tmp_path / "model.onnx", POOR)
    with asked_of(Asked(Answer()), [CPU], ["cpu"]), pytest.raises(DeviceError, match="through its study's queue"):
        measure_latency(model, CPU, [], PROTOCOL)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"elsewhere": "alway"}, "queue.elsewhere: unknown choice 'alway'; known: auto, never"),
        ({"wait_s": -1}, r"queue.wait_s: must be 0 or more, got -1"),
    ],
)
def test_settings_are_checked(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_section(QueueSettings, "queue", values)
