"""Each logger by its real client: what a search of quick trials leaves there, read back by the client's own reader.

What writes no database and starts no process runs by default; the searches are slow.
"""

import errno
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quick_search import settings_of
from small_data import CARD, yolo

import search
from objectives.data.dataset import Dataset
from reports.table.table import StudyTable
from search.view.base import View
from search.view.loggers.contract import LoggedEnd, LoggedResult, LoggedStudy, LoggedTrial
from search.view.loggers.on_mlflow import MlflowLogger
from search.view.loggers.on_tensorboard import TensorBoardLogger

QUICK = ("sampler=random", "pruner=none", "experience=none", "baseline=none")
TRIAL = LoggedTrial(7, "lcnet", {"size.pixels": 64, "train.lr0": 0.01, "train.cosine": True, "head.kind": "nms"})
END = LoggedEnd("finished", True, {"map": 0.5, "p50_ms": 2.0, "epochs": 4.0}, {"kind": "trained", "reason": "<b>|"})
RESULT = LoggedResult({"trials": 8.0}, "the budget is used", ["trial", "map"], [[7, 0.5]], {}, dict)
SCRIPT = """
import sys
import search
if __name__ == "__main__":
    search.search(search.load_settings(sys.argv[1:]))
    print(sorted({"torch", "timm", "ultralytics"} & set(sys.modules)))
"""


class Said(View):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)


def study(folder: Path) -> LoggedStudy:
    return LoggedStudy("shelves", "0123", folder, "here-1", {"seed": 42}, {"device.name": "cpu"})


def searched(folder: Path, dataset: Dataset, trials: int, *words: str) -> StudyTable:
    """Search on; a logger must have had nothing to complain of."""
    view = Said()
    table = search.search(settings_of(folder, f"budget.trials={trials}", *QUICK, *words), dataset=dataset, view=view)
    assert not [note for note in view.notes if note.startswith("logger.")]
    return table


def read_events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    return EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()


@pytest.mark.slow
@pytest.mark.seconds
def test_tensorboard_reads_a_search_that_went_on(tmp_path: Path, blocks: Dataset) -> None:
    searched(tmp_path, blocks, 1, "logger=tensorboard")
    table = searched(tmp_path, blocks, 2, "logger=tensorboard")
    events = read_events(tmp_path / "smoke" / "tensorboard")
    assert set(events.Runs()) == {"study", "trials/00000", "trials/00001"}
    for row in table.rows:
        run = f"trials/{row.number:05d}"
        assert [e.step for e in events.Scalars(run, "val/map")] == [rung.epoch for rung in row.rungs]
        assert events.Scalars(run, "map")[0].value == pytest.approx(row.map)
        (hparams,) = (events.SummaryMetadata(run, "_hparams_/session_start_info").plugin_data.content,)
        assert b"size.pixels" in hparams
    assert [event.step for event in events.Scalars("study", "front_size")] == [1, 2]
    front = events.Tensors("study", "front")[-1].tensor_proto.string_val[0].decode()
    assert all(f"| {row.number} |" in front for row in table.front)
    figures = json.loads((tmp_path / "smoke" / "tensorboard" / "study" / "figures.json").read_text())
    assert set(figures) == {"front", "hypervolume", "curves"}


def test_tensorboard_goes_on_in_a_new_file_after_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = TensorBoardLogger()
    logger.open(study(tmp_path))
    logger.trial_started(TRIAL)
    file = logger._files[f"trials/{TRIAL.number:05d}"]

    def full(_: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(file._records, "write", full)
    with pytest.raises(OSError, match="No space left"):
        logger.scalars(TRIAL, 1, {"val/map": 0.1})
    logger.scalars(TRIAL, 1, {"val/map": 0.1})
    logger.trial_ended(TRIAL, END)
    logger.close()
    events = read_events(tmp_path / "tensorboard")
    assert [(e.step, round(e.value, 3)) for e in events.Scalars("trials/00007", "val/map")] == [(1, 0.1)]
    assert [(e.step, e.value) for e in events.Scalars("trials/00007", "map")] == [(4, 0.5)]
    ended = events.Tensors("trials/00007", "ended")[0].tensor_proto.string_val[0].decode()
    assert "| reason | &lt;b>\\| |" in ended


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of MLflow's client
def test_mlflow_holds_a_run_a_trial_below_one_of_the_study_and_finds_them_again(
    tmp_path: Path, blocks: Dataset
) -> None:
    from mlflow.tracking import MlflowClient

    words = "logger=mlflow", f"logger.mlflow.uri=sqlite:///{tmp_path}/runs.db", "logger.mlflow.experiment=lab"
    client = MlflowClient(f"sqlite:///{tmp_path}/runs.db")
    client.search_experiments()
    searched(tmp_path, blocks, 1, *words)
    table = searched(tmp_path, blocks, 2, *words)
    experiment = client.get_experiment_by_name("lab")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"smoke", "trial 00000", "trial 00001"}
    parent = runs["smoke"]
    for row in table.rows:
        run = runs[f"trial {row.number:05d}"]
        assert (run.info.status, run.data.tags["mlflow.parentRunId"]) == ("FINISHED", parent.info.run_id)
        assert run.data.metrics["map"] == pytest.approx(row.map)
        assert run.data.params["size.pixels"] == str(row.candidate["size.pixels"])
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "val/map")]
        assert steps == [rung.epoch for rung in row.rungs]
    assert sorted(m.step for m in client.get_metric_history(parent.info.run_id, "front_size")) == [1, 2]
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"front.json", "figures.html"}
    page = Path(client.download_artifacts(parent.info.run_id, "figures.html", str(tmp_path))).read_text()
    assert "cdn.plot.ly" not in page.replace("https://cdn.plot.ly/un/", "")  # maps' own data, which nothing here asks
    assert "<script src" not in page


def test_mlflow_that_is_gone_is_an_error_to_be_tried_again(tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow_server import free_port

    logger = MlflowLogger(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(MlflowException, match=r"(?i)connection|max retries"):
        logger.open(study(tmp_path))


@pytest.fixture
def _wandb_ends() -> Iterator[None]:
    """End the client's service process."""
    import wandb

    yield
    wandb.teardown()


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.usefixtures("_wandb_ends")
def test_wandb_leaves_offline_runs_of_one_id_a_trial(tmp_path: Path, blocks: Dataset) -> None:
    searched(tmp_path, blocks, 1, "logger=wandb")
    table = searched(tmp_path, blocks, 2, "logger=wandb")
    folders = sorted((tmp_path / "smoke" / "wandb").glob("offline-run-*"))
    runs = [records(folder) for folder in folders]  # two of one id in one second have other folders, not other ids
    ids = [run["id"] for run in runs]
    (key,) = {one.partition("-")[0] for one in ids}
    assert sorted(ids) == sorted([f"{key}-00000", f"{key}-00001", f"{key}-study", f"{key}-study"])
    found = runs[ids.index(f"{key}-00001")]
    row = table.row(1)
    assert found["group"] == "smoke"
    assert found["config"]["size.pixels"] == row.candidate["size.pixels"]
    assert [(line["epoch"], line["val/map"]) for line in found["history"] if "val/map" in line] == [
        (rung.epoch, rung.map) for rung in row.rungs
    ]
    assert found["summary"]["map"] == row.map


def records(folder: Path) -> dict[str, Any]:
    """Return what a run file holds, by the client's own messages; its reader of files is in Go since 0.31."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("*.wandb")
    found: dict[str, Any] = {"history": [], "summary": {}, "config": {}}
    for data in leveldb_records(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        if record.HasField("run"):
            found["id"], found["group"] = record.run.run_id, record.run.run_group
            found["config"] |= {one.key: json.loads(one.value_json) for one in record.run.config.update}
        if record.HasField("history"):
            items = record.history.item
            found["history"].append({i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items})
        if record.HasField("summary"):
            items = record.summary.update
            found["summary"] |= {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items}
    return found


def leveldb_records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a LevelDB log: blocks of 32 KiB, pieces with checksum, length and kind; 7 bytes ahead."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7]) if left >= 7 else (0, 0)
        if kind == 0:  # the rest of a block
            at += left
            continue
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield whole
            whole = b""


@pytest.mark.slow
@pytest.mark.seconds
def test_a_searching_process_that_logs_imports_no_torch_and_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / "call.py").write_text(SCRIPT)
    images = {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(4)}
    words = [f"data.root={yolo(tmp_path / 'data', images, CARD)}", "data=folder", f"store.folder={tmp_path}"]
    words += ["trial.run=quick_trainer:run_trial", "trial.epochs=2", "store.free_mb_min=1", "budget.trials=1", *QUICK]
    line = [sys.executable, "call.py", "conf=smoke", *words, "logger=[tensorboard,mlflow,wandb]"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert (tmp_path / "mlflow.db").exists()
    assert done.stderr == ""
