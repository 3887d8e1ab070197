"""A real trial on devices that run other formats: the converted files are those that are timed and scored."""

from dataclasses import replace
from pathlib import Path

import pytest
from defaults import CPU, device_of, protocol_of
from recorder import Recorder
from small_jobs import QUICK_STEPS, quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.deploy.accuracy import score_file
from objectives.deploy.artifact import CONFIDENCE_KEY
from objectives.deploy.artifact_files import bytes_of, digest_of, read_properties
from objectives.deploy.device import Device
from objectives.deploy.formats.contract import SOURCE_KEY
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.records.paths import TrialPaths
from objectives.records.records import Latency, Outcome
from objectives.trial.rehearsal import rehearse_export
from objectives.trial.trial import run_trial

pytestmark = pytest.mark.seconds
QUICK = {"processes": 1, "processes_max": 1, "images_min": 10, "cap_s": 0.3, "warmup_s": 0.05}


@pytest.mark.parametrize("name", ["ncnn", pytest.param("torchscript", marks=pytest.mark.slow)])
def test_a_trial_deploys_what_its_device_opens(
    name: str, few_blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why := DEPLOY_FORMATS[name].why_not():
        pytest.skip(why)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    device = device_of(name=name, runtime=name, provider="CPU")
    candidate = tiny_candidate({**QUICK_STEPS, "size.pixels": 96, "train.lr0": 0.004})
    protocol = protocol_of(confidence="best_f1", **QUICK)
    job = quick_job(few_blocks, tmp_path, candidate, device=device, rungs=1, protocol=protocol)
    reported = Recorder()
    ending = run_trial(job, reported)
    assert ending is not None
    assert ending.outcome is Outcome.FINISHED
    paths = TrialPaths(job.folder)
    made = DEPLOY_FORMATS[name].file(paths.model)
    said = read_properties(made)
    assert said[SOURCE_KEY] == digest_of(paths.model)  # though the confidence was written into both since
    assert said[CONFIDENCE_KEY] == read_properties(paths.model)[CONFIDENCE_KEY]
    untrained, trained = reported.of("latency")
    assert trained.device == untrained.device == device.fingerprint
    assert trained.file_bytes == reported.of("resources")[-1].artifact_bytes == bytes_of(made) != bytes_of(paths.model)
    (accuracy,) = reported.of("accuracy")
    again = score_file(made, device, job.images, job.classes, "val", accuracy.confidence)
    assert accuracy == again
    assert not (tmp_path / "cache" / "automl" / "converted").exists()  # nothing was converted a second time
    assert not list(job.folder.glob("untrained.*"))


class OnDevices(Recorder):
    """Keeps what was measured on further devices, too."""

    def latency_on(self, device: str, latency: Latency, trained: bool) -> None:
        self._keep("latency_on", latency, trained)


def of_format(name: str) -> Device:
    return CPU if name == "cpu" else device_of(name=name, runtime=name, provider="CPU")


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("cpu", "ncnn"), marks=pytest.mark.slow),
        pytest.param(("ncnn", "cpu"), marks=pytest.mark.slow),
        pytest.param(("cpu", "torchscript"), marks=pytest.mark.slow),
        pytest.param(("torchscript", "ncnn"), marks=pytest.mark.slow),
    ],
    ids="-".join,
)
def test_a_trial_deploys_what_each_of_its_devices_opens(
    names: tuple[str, str], few_blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why := next((why for name in names if name != "cpu" and (why := DEPLOY_FORMATS[name].why_not())), ""):
        pytest.skip(why)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first, further = map(of_format, names)
    candidate = tiny_candidate({**QUICK_STEPS, "size.pixels": 96, "train.lr0": 0.004})
    protocol = protocol_of(confidence="best_f1", **QUICK)
    again = replace(further, name="again", threads=2)  # runs the same file
    job = quick_job(few_blocks, tmp_path, candidate, device=first, rungs=1, protocol=protocol)
    job = replace(job, more_devices=(further, again))
    reported = OnDevices()
    ending = run_trial(job, reported)
    assert ending is not None
    assert ending.outcome is Outcome.FINISHED, ending.reason
    paths = TrialPaths(job.folder)
    files = [paths.model if name == "cpu" else DEPLOY_FORMATS[name].file(paths.model) for name in names]
    for file in files:
        if file != paths.model:
            assert read_properties(file)[SOURCE_KEY] == digest_of(paths.model)
        assert read_properties(file)[CONFIDENCE_KEY] == read_properties(paths.model)[CONFIDENCE_KEY]
    _, trained = reported.of("latency")
    _, _, *of_further = reported.of("latency_on")  # the first two are of the network before its training
    assert [one.file_bytes for one in (trained, *of_further)] == [bytes_of(files[i]) for i in (0, 1, 1)]
    assert [one.device for one in (trained, *of_further)] == [one.fingerprint for one in job.devices]
    assert reported.of("resources")[-1].artifact_bytes == bytes_of(files[0]) != bytes_of(files[1])
    (accuracy,) = reported.of("accuracy")
    assert accuracy == score_file(files[0], first, job.images, job.classes, "val", accuracy.confidence)
    assert not (tmp_path / "cache" / "automl" / "converted").exists()  # nothing was converted a second time
    assert not list(job.folder.glob("untrained.*"))


@pytest.mark.slow
def test_a_rehearsal_converts_for_each_device_and_reports_the_firsts_bytes(few_blocks: Dataset, tmp_path: Path) -> None:
    if why := DEPLOY_FORMATS["ncnn"].why_not():
        pytest.skip(why)
    for names in (("cpu", "ncnn"), ("ncnn", "cpu")):
        devices = [of_format(name) for name in names]
        job = quick_job(
            few_blocks, tmp_path / names[0], tiny_candidate(), device=devices[0], more_devices=(devices[1],)
        )
        reported = Recorder()
        rehearse_export(job, reported)
        onnx = TrialPaths(job.folder).untrained
        file = onnx if names[0] == "cpu" else DEPLOY_FORMATS["ncnn"].file(onnx)
        assert reported.of("resources")[0].artifact_bytes == bytes_of(file)
        assert DEPLOY_FORMATS["ncnn"].file(onnx).is_file()
