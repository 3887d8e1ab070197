"""A real trial on a device that runs another format: the converted file is the one that is timed and scored."""

from pathlib import Path

import pytest
from defaults import device_of, protocol_of
from recorder import Recorder
from small_jobs import QUICK_STEPS, quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.deploy.accuracy import score_file
from objectives.deploy.artifact import CONFIDENCE_KEY
from objectives.deploy.artifact_files import bytes_of, digest_of, read_properties
from objectives.deploy.formats.contract import SOURCE_KEY
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.records.paths import TrialPaths
from objectives.records.records import Outcome
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
