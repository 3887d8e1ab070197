"""Several devices on a line: composed, each with settings of its own, their bounds; and every mistake in one line."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import automl

from objectives.records.gate import Gate
from search.settings.devices import check_devices, check_steer, further_devices
from search.settings.settings import Settings, load_settings
from search.settings.stored import stored_settings
from spaces.errors import AutomlError, SettingsError

TWO = "devices=[cpu,cpu_all]"


def load(*line: str) -> Settings:
    return load_settings(["conf=smoke", *line])


def test_the_first_is_the_device_and_each_has_settings_of_its_own() -> None:
    settings = load("devices=[cpu_all,cpu]", "devices.cpu.threads=2", "+devices.cpu.options.arena=false")
    assert [(device.name, device.threads) for device in settings.targets] == [("cpu_all", 0), ("cpu", 2)]
    assert settings.device == settings.targets[0]
    assert settings.targets[1].options == {"arena": False}
    assert settings.targets[0] == load("device=cpu_all").device  # so that a study of one device and its fork agree


def test_one_name_is_a_study_of_one_device() -> None:
    assert load("devices=[cpu_all]") == load("device=cpu_all")
    assert load("devices=[]", "device=cpu_all").targets == load("device=cpu_all").targets


def test_bounds_of_the_first_stand_where_those_of_one_device_stand() -> None:
    settings = load(TWO, "gate.devices.cpu.p95_ms_max=25", "gate.devices.cpu_all.p95_ms_max=8", "gate.map50_min=0.5")
    assert settings.gate == Gate(map50_min=0.5, p95_ms_max=25, devices={"cpu_all": {"p95_ms_max": 8}})
    assert str(settings.gate) == "mAP50 >= 0.5 and p95 <= 25 ms; on cpu_all: p95 <= 8 ms"


def test_a_line_changes_and_takes_away_bounds_of_a_preset(tmp_path: Path) -> None:
    text = "defaults: [base, _self_]\nname: mine\ndevices: [cpu, cpu_all]\ngate:\n  p95_ms_max: 25\n  devices:\n"
    (tmp_path / "mine.yaml").write_text(f"{text}    cpu_all: {{p95_ms_max: 8, memory_mb_max: 90}}\n")
    conf = f"conf={tmp_path / 'mine.yaml'}"
    assert load_settings([conf]).gate.devices == {"cpu_all": {"p95_ms_max": 8, "memory_mb_max": 90}}
    changed = load_settings([conf, "gate.devices.cpu_all.p95_ms_max=null", "gate.devices.cpu.p95_ms_max=9"])
    assert changed.gate == Gate(p95_ms_max=9, devices={"cpu_all": {"memory_mb_max": 90}})


def test_a_device_of_the_users_own_conf_folder(tmp_path: Path) -> None:
    (tmp_path / "device").mkdir()
    (tmp_path / "mine.yaml").write_text("defaults: [base, _self_]\nname: mine\ndevices: [cpu, till]\n")
    own = tmp_path / "device" / "till.yaml"
    own.write_text("name: till\nruntime: onnxruntime\nprovider: CPUExecutionProvider\nthreads: 2\n")
    settings = load_settings([f"conf={tmp_path / 'mine.yaml'}"])
    assert [(device.name, device.threads) for device in settings.targets] == [("cpu", 1), ("till", 2)]
    own.write_text(own.read_text().replace("name: till", "name: other"))
    with pytest.raises(
        SettingsError, match="option 'till' of the group device calls itself 'other'; give it name: till"
    ):
        load_settings([f"conf={tmp_path / 'mine.yaml'}"])


def test_stored_settings_are_read_again() -> None:
    settings = load(TWO, "gate.p95_ms_max=9", "gate.devices.cpu_all.p95_ms_max=8", "steer=worst")
    stored = settings.to_json()
    again = stored_settings(settings.name, stored, "", settings.store.folder, None, {})
    assert (again.devices, again.steer, again.gate) == (settings.devices, "worst", settings.gate)
    alone = load().to_json()
    assert stored_settings("smoke", alone, "", "runs", None, {}).devices == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("devices=[cpu,cpu]",), "devices: 'cpu' is named twice; name each device once"),
        (("devices=cpu",), "devices: must be a list of options of the group device, got 'cpu'; give [pi5,orin]"),
        (("devices=[cpu,cpu_al]",), "device: unknown option 'cpu_al'; nearest: cpu_all"),
        ((TWO, "device=cpu"), "'device=cpu' stands beside devices=[cpu,cpu_all]; give one of both, or devices=[]"),
        ((TWO, "device.threads=2"), "'device.threads=2': of several devices say which one's, as devices.cpu.threads="),
        ((TWO, "devices.cpu_al.threads=2"), "devices.cpu_al.threads=2: 'cpu_al' is none of the devices; nearest"),
        (("devices.cpu.threads=2",), "'cpu' is none of the devices; name several with devices=[...]"),
        ((TWO, "devices.cpu.thread=2"), "unknown setting 'devices.cpu.thread'; nearest: threads"),
        ((TWO, "gate.devices.cpu_al.p95_ms_max=8"), "gate.devices: 'cpu_al' is none of the devices; nearest: cpu_all"),
        ((TWO, "gate.devices.cpu_all.p95_ms=8"), "no bound of a device is called 'p95_ms'; nearest: p95_ms_max"),
        ((TWO, "gate.devices.cpu_all.map_min=.5"), "accuracy is the same on every device: give it without a device"),
        ((TWO, "gate.devices.cpu_all.p95_ms_max=fast"), "gate.devices.cpu_all.p95_ms_max: must be a number or null"),
        ((TWO, "gate.devices.cpu_all.p50_ms_max=0"), "gate.devices.cpu_all.p50_ms_max: must be a positive number of"),
        ((TWO, "gate.p95_ms_max=4", "gate.devices.cpu.p95_ms_max=9"), "the same bound of the first device, 4; give"),
        (("gate.devices.orin.p95_ms_max=9",), "gate.devices: 'orin' is none of the devices; known: cpu"),
        ((TWO, "steer=wort"), "steer: unknown choice 'wort'; nearest: worst; known: first, worst"),
        (("steer=wort",), "steer: unknown choice 'wort'"),
        (("steer=worst",), "steer=worst weighs several devices, and the study has one; give devices="),
        ((TWO, "devices.cpu_all=3"), "devices.cpu_all=3: names no setting of the device; give devices.cpu_all."),
        ((TWO, "steer=worst", "gate.p95_ms_max=9"), "'cpu_all' has none; give gate.devices.cpu_all.p95_ms_max=..., or"),
    ],
)  # fmt: skip
def test_mistakes(line: tuple[str, ...], says: str) -> None:
    with pytest.raises(AutomlError) as failed:
        load(*line)
    assert says in str(failed.value)
    assert "\n" not in str(failed.value)


def test_two_names_of_one_device_are_refused() -> None:
    cpu = load().device
    with pytest.raises(SettingsError, match="devices: 'cpu' and 'till' are one device; name it once"):
        check_devices((cpu, replace(cpu, name="till")))
    check_devices((cpu, replace(cpu, name="till", threads=2)))


def test_a_throughput_bounds_latency_too() -> None:
    devices = load(TWO).devices
    check_steer("worst", Gate(throughput_min=90, devices={"cpu_all": {"p50_ms_max": 8}}), devices)


def test_a_further_device_whose_converter_is_not_here_is_left_out_before_a_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would end a training of hours at its export."""
    pytest.importorskip("ncnn")
    monkeypatch.setitem(sys.modules, "pnnx", None)
    config, said = {"more_devices": [{"name": "ncnn"}, {"name": "cpu_all"}]}, list[str]()
    assert [device.name for device in further_devices(config, said.append)] == ["cpu_all"]
    assert said == [
        "device=ncnn: its format is ncnn, which needs ncnn and pnnx; install automl[ncnn]; it is left out: "
        "the others are measured"
    ]


@pytest.mark.seconds
@pytest.mark.parametrize(
    "line",
    [("device=ncnn", "+device.options.use_fp17=1"), ("devices=[cpu,ncnn]", "+devices.ncnn.options.use_fp17=1")],
)
def test_an_option_that_a_runtime_has_not_begins_no_study(tmp_path: Path, line: tuple[str, ...]) -> None:
    pytest.importorskip("ncnn")
    done = automl("search", "conf=smoke", *line, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("automl: device.options: unknown option 'use_fp17' of ncnn; nearest: use_fp16_")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
