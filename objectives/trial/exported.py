"""The file that a trial deploys: its network as ONNX, and converted for each device whose runtime takes another."""

from copy import deepcopy
from pathlib import Path

from torch import nn

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.artifact_files import bytes_of
from objectives.deploy.export_onnx import meta_of
from objectives.deploy.formats.deployed import convert_beside, converted_file, formats_of
from objectives.network.assembly import Pruning, save_weights
from objectives.network.pruning import prune_detector
from objectives.records.paths import UNTRAINED_ALL, TrialPaths
from objectives.trial.job import TrialJob
from objectives.trial.precision import convert_to, export_as
from spaces.candidate import Candidate


def export_trained(
    job: TrialJob,
    paths: TrialPaths,
    model: nn.Module,
    candidate: Candidate,
    meta: ArtifactMeta,
    whole: Path | None = None,
) -> None:
    """Write a trained network's weights and deployable file, in its precision, and what its devices run of it.

    Args:
        job: devices and classes.
        paths: where the files go.
        model: the network; it stays as it was.
        candidate: of the network: the trial's, or a child's.
        meta: kept in the file.
        whole: file of the same network in fp32, where there is one: only its precision changes.

    Raises:
        ExportFailed: the network cannot be exported, or not converted.
    """
    if whole is None:
        export_as(model, meta, paths.model, candidate, job.device.runtime, job.training)
    else:
        convert_to(whole, paths.model, candidate, meta, job.device.runtime, job.training)
    save_weights(paths.weights, model, candidate, job.classes)
    convert_beside(paths.model, job.devices, paths.weights)


def as_deployed(model: nn.Module, pruning: Pruning | None) -> nn.Module:
    """Return an untrained network in the shape that it will be deployed in: pruned, if it will be."""
    if pruning is None:
        return model
    deployed = deepcopy(model)
    prune_detector(deployed, pruning.ratio, pruning.importance)
    return deployed


def export_untrained(job: TrialJob, paths: TrialPaths, model: nn.Module, candidate: Candidate) -> Path:
    """Write the file that a network would be deployed as, before its training, and what its devices run of it.

    Return the ONNX file, of which `deployed` chooses for each device. `remove_untrained` removes it. Arguments and
    errors are those of `export_trained`.
    """
    meta = meta_of(model, candidate, job.classes, job.max_detections)
    onnx = export_as(model, meta, paths.untrained, candidate, job.device.runtime)
    weights = onnx.with_suffix(".pt")
    if any(made.of_weights for made in formats_of(job.devices)):
        save_weights(weights, model, candidate, job.classes)
    convert_beside(onnx, job.devices, weights)
    return onnx


def shipped_bytes(job: TrialJob, onnx: Path) -> int:
    """Return the bytes of the file that the first device runs; 0 where it is not there yet.

    Those of a further device stand in its latency.
    """
    path = converted_file(onnx, job.device)
    return bytes_of(path) if path.is_file() else 0


def remove_untrained(paths: TrialPaths) -> None:
    """Remove all that `export_untrained` wrote."""
    for path in paths.folder.glob(UNTRAINED_ALL):
        path.unlink()
