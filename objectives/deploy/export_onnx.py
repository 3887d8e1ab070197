"""The deployable file: a trained (or untrained) network as ONNX, with what it says of itself."""

import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import onnx
import onnxslim
import torch
from timm.utils.model import reparameterize_model
from torch import nn

from objectives.data.crowds import USUAL_MAX
from objectives.deploy.artifact import CONFIDENCE_KEY, META_KEY, ArtifactMeta
from objectives.deploy.ultralytics_meta import ultralytics_properties
from objectives.machine.files import whole
from objectives.records.failures import ExportFailed
from spaces.candidate import Candidate
from spaces.errors import first_line
from spaces.network.detector import is_rtdetr
from spaces.network.timm_backbone import TimmBackbone
from spaces.vocabulary import choices_of

OPSET = 18  # the newest for which ONNX Runtime has kernels on every provider


def export_onnx(model: nn.Module, meta: ArtifactMeta, path: Path) -> Path:
    """Export a detector to ONNX with batch normalisation and branches fused, input (1, 3, size, size).

    The network that is given stays as it was. The file appears under its name only when it is whole.

    Args:
        model: as built by `spaces.network.detector.build_detector`, trained or not.
        meta: kept in the file; its `size_px` is the size of the input.
        path: the file to write.

    Raises:
        ExportFailed: the network cannot be exported; what went wrong is its cause.
    """
    try:
        with whole(path) as partial:
            _export(deployed_network(model, meta), meta, partial)
    except Exception as error:  # the exporter, the simplifier and the network itself raise whatever they like
        reason = first_line(error)
        raise ExportFailed(
            f"export: this network cannot be exported ({reason}); leave its backbone or head out of the space"
        ) from error
    return path


def write_confidence(path: Path, confidence: float) -> None:
    """Write the chosen confidence into an exported file's metadata; the file is whole at any time.

    Ultralytics' metadata have no place for it: whoever predicts by `YOLO(...)` gives `conf` of its own.
    """
    model = onnx.load(str(path))
    kept = [(p.key, p.value) for p in model.metadata_props if p.key != CONFIDENCE_KEY]
    onnx.helper.set_model_props(model, {**dict(kept), CONFIDENCE_KEY: repr(confidence)})
    with whole(path) as partial:
        onnx.save(model, str(partial))


def meta_of(
    model: nn.Module, candidate: Candidate, classes: tuple[str, ...], max_detections: int = USUAL_MAX
) -> ArtifactMeta:
    """Return what the file of a candidate's network says of itself."""
    size_px, nms_iou = int(candidate.number("size.pixels")), float(choices_of(candidate, "deploy")["nms_iou"])
    head = head_of(model)
    return ArtifactMeta(size_px, head, classes, nms_iou, max_detections, stretched=head == "rtdetr")  # as it is trained


def head_of(model: nn.Module) -> str:
    """Return how the network's output is to be read: "nms", "end2end" or "rtdetr"."""
    if is_rtdetr(model):
        return "rtdetr"
    return "end2end" if getattr(model, "end2end", False) else "nms"


def _export(network: nn.Module, meta: ArtifactMeta, path: Path) -> None:
    blob = torch.zeros(1, 3, meta.size_px, meta.size_px)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing warns of every Python branch that it takes for constant
        network(blob)  # lays the anchors out for this size
        torch.onnx.export(
            network,
            (blob,),
            str(path),
            opset_version=OPSET,
            input_names=["images"],
            output_names=["output0"],
            dynamo=False,  # the exporter through torch.export cannot trace these heads
        )
    slim = onnxslim.slim(onnx.load(str(path)))
    for key, value in {META_KEY: meta.dump(), **_ultralytics(network, meta)}.items():
        slim.metadata_props.add(key=key, value=value)
    onnx.save(slim, str(path))


def _ultralytics(network: nn.Module, meta: ArtifactMeta) -> dict[str, str]:
    """Return the metadata that Ultralytics reads of a deployed network's file."""
    of_network: Any = network
    return ultralytics_properties(
        meta.classes,
        meta.size_px,
        head=type(of_network.model[-1]).__name__,
        stride_px=int(max(of_network.stride)),
        end2end=meta.head == "end2end",
        opset=OPSET,
    )


def deployed_network(model: nn.Module, meta: ArtifactMeta) -> nn.Module:
    """Return a copy of a detector that computes what its file will: fused, with the output of the file."""
    network: Any = deepcopy(model).cpu().float().eval()
    network.criterion = None
    for parameter in network.parameters():
        parameter.requires_grad = False
    for module in network.modules():
        if isinstance(module, TimmBackbone):
            module.m = reparameterize_model(module.m)  # RepVGG, MobileOne: branches to one convolution
    network.fuse(verbose=False)
    head = network.model[-1]
    head.export, head.format, head.max_det = True, "onnx", meta.max_detections
    return network  # type: ignore[no-any-return]  # a module
