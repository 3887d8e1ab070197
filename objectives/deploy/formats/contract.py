"""The contract of a format: what it writes, what opens it, why it is not to be had here, and its making."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from objectives.deploy.artifact import PRECISION_KEY, MadeFor
from objectives.deploy.artifact_files import BELONGS, read_properties, remove_artifact, write_properties
from objectives.records.failures import ExportFailed
from spaces.errors import AutomlError, first_line

SOURCE_KEY = "automl_source"  # metadata of a converted file: SHA-256 of the ONNX file that it was made of


@dataclass(frozen=True)
class Source:
    """What a format is made of.

    Attributes:
        onnx: the deployable file, with our metadata.
        weights: of the network, as a trial leaves them, where a format is made of the network itself; else None.
        data_yaml: of the data set as Ultralytics reads it, for vendors' own calibration; else None.
        fp32_trial: number of the trial that has the same detector in fp32, of a file in another precision; else None.
    """

    onnx: Path
    weights: Path | None = None
    data_yaml: Path | None = None
    fp32_trial: int | None = None


class DeployFormat(ABC):
    """A format that a detector ships in.

    Attributes:
        name: what people type.
        suffix: of the file that is named and opened; of a folder for a vendor's tools, what its name ends with.
        runtime: of `objectives.deploy.device.RUNTIMES`, which opens it here; "" for none.
        tested: whether conversion and figures are tested in this project, on its own machines.
        note: what else there is to know, in a few words.
        of_weights: whether it is made of the network, so that a trial's weights are needed.
        of_data: whether the vendor's compiler calibrates on the data set.
        keeps: precisions beside fp32 that a file of the format keeps, each made for one runtime.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    runtime: ClassVar[str] = ""
    tested: ClassVar[bool] = True
    note: ClassVar[str] = ""
    of_weights: ClassVar[bool] = False
    of_data: ClassVar[bool] = False
    keeps: ClassVar[tuple[MadeFor, ...]] = ()

    @abstractmethod
    def why_not(self) -> str:
        """Return why the format cannot be written here, in one line with what to install; "" where it can."""

    def prepare(self) -> None:  # noqa: B027  # most have nothing to make ready
        """Make ready what the first conversion would take a minute for."""

    @abstractmethod
    def _write(self, source: Source, to: Path) -> None:
        """Write the files under the name `to`, in a folder that nobody else sees, without metadata."""

    def file(self, onnx: Path) -> Path:
        """Return where the format's file lies beside an ONNX file."""
        return onnx.with_name(onnx.stem + self.suffix)

    def convert(self, source: Source, to: Path, properties: Mapping[str, str] | None = None) -> Path:
        """Make the format's file of a deployable file; `to` appears when all that belongs to it is there.

        Args:
            source: what the format is made of.
            to: the file, or the vendor's folder; one that is there is replaced.
            properties: further metadata; those of the ONNX file are taken along.

        Raises:
            DataError: the ONNX file cannot be read.
            ExportFailed: the converter is not here, or does not take this network or its precision.
        """
        if missing := self.why_not():
            raise ExportFailed(f"format {self.name}: {missing}")
        kept = {**read_properties(source.onnx), **(properties or {})}
        self._check_precision(source, kept)
        with tempfile.TemporaryDirectory(prefix=f".{to.stem}-", suffix=".partial", dir=to.parent) as folder:
            made = Path(folder) / to.name
            try:
                self._write(source, made)
                if made.is_file():
                    write_properties(made, kept)
            except AutomlError:
                raise
            except Exception as error:  # converters raise whatever they like
                raise ExportFailed(
                    f"format {self.name}: '{source.onnx.name}' cannot be converted ({first_line(error)})"
                ) from error
            _place(made, to)
        return to

    def _check_precision(self, source: Source, properties: Mapping[str, str]) -> None:
        """Refuse a file in a precision that a file of this format would only claim to have."""
        text = properties.get(PRECISION_KEY)
        made = None if text is None else MadeFor.load(text)
        if made is None or made in self.keeps:
            return
        other = "the same detector in fp32"
        advice = f"{other}, trial {source.fp32_trial}" if source.fp32_trial is not None else other
        raise ExportFailed(
            f"format {self.name}: '{source.onnx.name}' is {made.precision} for {made.runtime}, which this format does "
            f"not keep; export {advice}"
        )


def _place(made: Path, to: Path) -> None:
    """Move files that are whole to where they belong, the one that is named last."""
    if to.is_dir():
        shutil.rmtree(to)
    else:
        remove_artifact(to)
    for suffix in BELONGS.get(to.suffix, ()):
        if made.with_suffix(suffix).is_file():
            made.with_suffix(suffix).replace(to.with_suffix(suffix))
    made.replace(to)
