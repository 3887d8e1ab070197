"""Candidate to model description: the YAML-style mapping from which Ultralytics builds a network."""

from collections.abc import Sequence
from typing import Any

from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.backbones import RTDETR, ULTRALYTICS
from spaces.network.family import SLIM_BLOCKS
from spaces.vocabulary import VOCABULARY

Row = list[Any]  # [from, repeats, module, arguments]


def describe(candidate: Candidate, classes: Sequence[str]) -> dict[str, Any]:
    """Describe the detector of a candidate.

    Args:
        candidate: reads `backbone.name`, `backbone.width` and `backbone.depth` (Ultralytics' only),
            `slim.blocks` (timm's only), `neck.kind`, `neck.width` and `neck.depth` (of `pan`) and `head.kind`.
        classes: class names, in the order of their indices.

    Returns:
        Ultralytics' model description with every channel count and repeat written out.

    Raises:
        SpaceError: the backbone or the head is unknown.
    """
    name = candidate.text("backbone.name")
    if candidate.get("neck.kind") == "own":
        return _published_whole(candidate, len(classes))
    backbone, levels = (
        _ultralytics_rows(name, candidate.number("backbone.width"), candidate.number("backbone.depth"))
        if name in ULTRALYTICS
        else _timm_rows(name, int(candidate.get(SLIM_BLOCKS, 0)))
    )
    width, depth = int(candidate.number("neck.width")), int(candidate.number("neck.depth"))
    neck, outputs = _pan_rows(levels, len(backbone), width, depth)
    head = _head(candidate.text("head.kind"), outputs, len(classes))
    return {
        "nc": len(classes),
        "scale": "n",
        "scales": {"n": [1.0, 1.0, 1_000_000]},  # nothing left to scale: rows hold final numbers
        "backbone": backbone,
        **head,
        "head": [*neck, *head["head"]],
    }


def _published_whole(candidate: Candidate, classes: int) -> dict[str, Any]:
    """Return a published detector with its own neck and head: Ultralytics' file at the candidate's scale."""
    from ultralytics.nn.tasks import yaml_model_load

    name = candidate.text("backbone.name")
    if name in ULTRALYTICS:
        config, scales = ULTRALYTICS[name].config, ULTRALYTICS[name].scales
        wanted = (candidate.number("backbone.depth"), candidate.number("backbone.width"))
        letter = next((letter for letter, scale in scales.items() if scale[:2] == wanted), None)
        if letter is None:
            raise SpaceError(f"neck.kind: 'own' needs {name} at a published scale, {', '.join(scales)}; got {wanted}")
    else:
        config, letter = RTDETR[name], name.rpartition("-")[2]
    whole = yaml_model_load(config)
    kept = {key: whole[key] for key in ("end2end", "reg_max", "backbone", "head") if key in whole}
    return {"nc": classes, "scale": letter, "scales": {letter: list(whole["scales"][letter])}, **kept}


def _timm_rows(name: str, without: int) -> tuple[list[Row], tuple[int, int, int]]:
    from spaces.network.timm_backbone import TimmBackbone

    channels = TimmBackbone(name).channels
    rows: list[Row] = [[-1, 1, "TimmBackbone", [name, without] if without else [name]]]
    rows += [[0, 1, "Index", [c, i]] for i, c in enumerate(channels)]
    return rows, (1, 2, 3)


def _ultralytics_rows(name: str, width: float, depth: float) -> tuple[list[Row], tuple[int, int, int]]:
    from ultralytics.nn.tasks import yaml_model_load

    backbone = ULTRALYTICS[name]
    greatest = {(d, w): c for d, w, c in backbone.scales.values()}.get((depth, width), 1024)
    heavy = (depth, width) == backbone.scales["m"][:2]  # Ultralytics takes C3k for the inner blocks from this scale on
    rows = []
    for source, repeats, module, arguments in yaml_model_load(backbone.config)["backbone"][: backbone.layers]:
        channels = _eighths(min(arguments[0], greatest) * width)
        repeats = max(round(repeats * depth), 1) if repeats > 1 else repeats
        if module == "C3k2" and heavy:
            arguments = [arguments[0], True, *arguments[2:]]
        rows.append([source, repeats, module, [channels, *arguments[1:]]])
    return rows, backbone.levels


def _pan_rows(levels: tuple[int, int, int], first: int, width: int, depth: int) -> tuple[list[Row], list[int]]:
    """Return the rows of a path aggregation network and the indices of its outputs.

    Channels are `width`, 2 `width` and 4 `width` at strides 8, 16 and 32 (Liu et al. 2018, as YOLOv5 lays it out).
    """
    c3, c4, c5 = width, 2 * width, 4 * width
    p3, p4, p5 = levels

    def fuse(channels: int) -> Row:
        return [-1, depth, "C3", [channels, False]]  # unlike C3k2, Torch-Pruning can cut it

    up: Row = [-1, 1, "nn.Upsample", [None, 2, "nearest"]]
    rows: list[Row] = [
        [p5, 1, "Conv", [c5, 1, 1]],
        list(up),
        [[-1, p4], 1, "Concat", [1]],
        fuse(c4),
        list(up),
        [[-1, p3], 1, "Concat", [1]],
        fuse(c3),  # first + 6: stride 8
        [-1, 1, "Conv", [c3, 3, 2]],
        [[-1, first + 3], 1, "Concat", [1]],
        fuse(c4),  # first + 9: stride 16
        [-1, 1, "Conv", [c4, 3, 2]],
        [[-1, first], 1, "Concat", [1]],
        fuse(c5),  # first + 12: stride 32
    ]
    return rows, [first + 6, first + 9, first + 12]


def _head(kind: str, outputs: list[int], classes: int) -> dict[str, Any]:
    match kind:
        case "nms":
            return {"head": [[outputs, 1, "Detect", [classes]]]}
        case "end2end":  # YOLO26: two heads in training, the one-to-one head deployed, no DFL
            return {"end2end": True, "reg_max": 1, "head": [[outputs, 1, "Detect", [classes]]]}
        case "rtdetr":  # hidden 128, 100 queries, 4 points, 4 heads, 3 layers, 256 in the feed-forward part
            return {"head": [[outputs, 1, "RTDETRDecoder", [classes, 128, 100, 4, 4, 3, 256]]]}
    raise VOCABULARY["head.kind"].unknown(kind)


def _eighths(channels: float) -> int:
    return max(8, int(-(-channels // 8) * 8))
