"""TensorBoard: event files that its own writer of records writes, a folder a trial.

The client is an extra, imported by the logger's own thread. The record writer is used without TensorBoard's writing
thread: that one prints a traceback on a full disk, and this one is a thread already.
"""

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.view.loggers.contract import LoggedEnd, LoggedResult, LoggedStudy, LoggedTrial, StudyLogger

STUDY = "study"  # folder of what is of no single trial
HPARAMS_METRICS = (
    "map",
    "map50",
    "p50_ms",
    "p95_ms",
    "file_mb",
    "parameters",
)  # beside the choices, in the HPARAMS page


class TensorBoardLogger(StudyLogger):
    """Writes `FOLDER/trials/00007/` for each trial and `FOLDER/study/` for the study.

    A trial that goes on writes a further file of its folder, which TensorBoard shows as one run.
    """

    def __init__(self, folder: str | None = None) -> None:
        """Prepare to write to a folder; None is the folder `tensorboard` of the study."""
        self._folder = folder
        self._root = Path()
        self._files: dict[str, _EventFile] = {}  # by run

    def open(self, study: LoggedStudy) -> None:
        """Write what the study is."""
        self._root = Path(self._folder).expanduser().absolute() if self._folder else study.folder / "tensorboard"
        facts = {"folder": str(study.folder), **study.facts, **study.settings}
        self._write(STUDY, [_text("settings", _markdown(["setting", "value"], list(facts.items())))])

    def trial_started(self, trial: LoggedTrial) -> None:
        """Write the choices, as a session of hyperparameters and as text."""
        from tensorboard.plugins.hparams import summary_v2  # its `api` imports Keras

        choices = {
            name: value if isinstance(value, bool | int | float) else str(value) for name, value in _items(trial)
        }
        started = summary_v2.hparams_pb({"detector": trial.detector, **choices}, trial_id=trial.name)
        self._write(
            _run(trial), [*started.value, _text("candidate", _markdown(["dimension", "choice"], _items(trial)))]
        )

    def scalars(self, trial: LoggedTrial, epoch: int, values: Mapping[str, float]) -> None:
        """Write figures of the training, the epoch as step."""
        self._write(_run(trial), [_scalar(name, value) for name, value in values.items()], epoch)

    def trial_ended(self, trial: LoggedTrial, end: LoggedEnd) -> None:
        """Write the figures, and in words how the trial stands."""
        values = [_scalar(name, value) for name, value in end.values.items()]
        words = _text("ended", _markdown(["", ""], list(end.tags.items())))
        self._write(_run(trial), [*values, words], int(end.values.get("epochs", 0)))
        if file := self._files.pop(_run(trial), None):
            file.close()

    def progress(self, trials: int, values: Mapping[str, float]) -> None:
        """Write how the study stands, the trials as step."""
        self._write(STUDY, [_scalar(name, value) for name, value in values.items()], trials)

    def result(self, result: LoggedResult) -> None:
        """Write the front as a table, the figures as data, the picture of detections."""
        trials, front = int(result.values.get("trials", 0)), _markdown(result.columns, result.front)
        texts = [_text("front", front), _text("why the search ended", result.why)]
        figures = {name: figure.to_dict() for name, figure in result.figures().items()}
        pictures = [_picture(name, path.read_bytes()) for name, path in result.pictures.items()]
        self._write(STUDY, [*texts, *pictures, self._measured()], trials)
        (self._root / STUDY / "figures.json").write_text(json.dumps(figures, default=_plain_value))

    def close(self) -> None:
        """Close the files."""
        while self._files:
            self._files.popitem()[1].close()

    def _measured(self) -> Any:
        """Return which figures the HPARAMS page shows beside the choices."""
        from tensorboard.plugins.hparams import summary_v2  # its `api` imports Keras

        summary = summary_v2.hparams_config_pb(
            hparams=[], metrics=[summary_v2.Metric(name) for name in HPARAMS_METRICS]
        )
        return summary.value[0]

    def _write(self, run: str, values: list[Any], step: int = 0) -> None:
        """Write values to the file of a run, at once; a file that failed is left, and the next one is new."""
        if run not in self._files:
            self._files[run] = _EventFile(self._root / run)
        try:
            self._files[run].write(values, step)
        except OSError:
            self._files.pop(run).abandon()
            raise


class _EventFile:
    """One file of events."""

    _made = 0

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        _EventFile._made += 1
        name = f"events.out.tfevents.{time.time():010.0f}.{socket.gethostname()}.{os.getpid()}.{_EventFile._made}"
        self._file = (folder / name).open("ab", buffering=0)  # a disk that is full says so at once
        self._records = RecordWriter(self._file)
        self._put(file_version="brain.Event:2")

    def write(self, values: list[Any], step: int) -> None:
        """Write values of one step."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._put(step=step, summary=Summary(value=values))

    def close(self) -> None:
        """Close the file."""
        self._records.close()

    def abandon(self) -> None:
        """Close the file, whatever becomes of it."""
        self._file.close()

    def _put(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **fields).SerializeToString())


def _run(trial: LoggedTrial) -> str:
    return f"trials/{trial.number:05d}"


def _items(trial: LoggedTrial) -> list[tuple[str, Any]]:
    return list(trial.choices.items())


def _scalar(name: str, value: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=name, simple_value=value)


def _text(name: str, text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.text import metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    described = metadata.create_summary_metadata(display_name=name, description="")
    return Summary.Value(tag=name, tensor=make_tensor_proto(text), metadata=described)


def _picture(name: str, encoded: bytes) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=f"detections/{name}", image=Summary.Image(encoded_image_string=encoded))


def _markdown(columns: Any, rows: Any) -> str:
    """Return a table as TensorBoard's text page shows it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _plain_value(value: Any) -> Any:
    """Return one of NumPy's values as JSON has it."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
