"""The process that traces a trial's network into a TorchScript file (see `objectives.deploy.formats.torchscript`)."""

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from objectives.training.ultralytics_env import quiet_ultralytics


def main() -> None:
    """Write the file that the job on standard input asks for: `weights`, `onnx`, `to`."""
    job = json.loads(sys.stdin.read())
    with tempfile.TemporaryDirectory() as folder:
        quiet_ultralytics(Path(folder))  # before the first import of it
        trace(Path(job["weights"]), Path(job["onnx"]), Path(job["to"]))


def trace(weights: Path, onnx: Path, to: Path) -> None:
    """Trace the network of a trial's weights as its ONNX file has it: fused, with the output of the file.

    Args:
        weights: as `objectives.network.assembly.save_weights` wrote them.
        onnx: the deployable file of the same network, whose metadata name size and head.
        to: the file to write; it has no metadata of ours yet.

    Raises:
        DataError: weights or file cannot be read, or they are of two networks.
    """
    import torch

    from objectives.deploy.artifact import read_meta
    from objectives.deploy.artifact_files import read_properties
    from objectives.deploy.export_onnx import deployed_network

    meta = read_meta(read_properties(onnx), onnx)
    network = deployed_network(_network(weights), meta)
    blob = torch.zeros(1, 3, meta.size_px, meta.size_px)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of every Python branch that is taken for constant, and of tracing's old age
        network(blob)  # lays the anchors out for this size
        traced: Any = torch.jit.trace  # it has no types
        traced(network, blob, strict=False, check_trace=False).save(str(to))


def _network(weights: Path) -> Any:
    """Return the network of a trial's weights: assembled, and cut as it was, since shapes depend on shares alone."""
    from objectives.network.assembly import assemble, load_weights, pruning_of, read_trained
    from objectives.network.pruning import prune_detector
    from objectives.network.slim import built_slim
    from spaces.network.family import slim_ratios

    candidate, classes, _ = read_trained(weights)
    _, network = assemble(candidate, classes, 0)
    network = built_slim(network, slim_ratios(candidate), ranked=False)
    if pruning := pruning_of(candidate):
        prune_detector(network, pruning.ratio, pruning.importance)
    load_weights(network, weights)
    return network


if __name__ == "__main__":
    main()
