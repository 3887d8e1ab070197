"""Triton's model repository: NAME/config.pbtxt, and the ONNX file in a folder of the version's number.

After the server's documentation of model configuration and model repositories. Triton serves the network alone:
letterbox and NMS stay with the client, and README.txt says with which numbers.
"""

import json
from pathlib import Path
from typing import Any, ClassVar

from objectives.deploy.artifact import read_meta
from objectives.deploy.artifact_files import read_properties
from objectives.records.paths import MODEL
from search.operate.rollout.layouts.contract import PackedVersion, ServingLayout
from search.operate.rollout.layouts.linked import link
from spaces.errors import DataError

TRITON_TYPES = {  # of ONNX's tensors, as Triton names them
    "FLOAT": "TYPE_FP32",
    "FLOAT16": "TYPE_FP16",
    "DOUBLE": "TYPE_FP64",
    "INT64": "TYPE_INT64",
    "INT32": "TYPE_INT32",
    "INT8": "TYPE_INT8",
    "UINT8": "TYPE_UINT8",
    "BOOL": "TYPE_BOOL",
}
TRITON_README = """Triton's model repository of {name}, version {version}.

    tritonserver --model-repository=THIS_FOLDER

The network alone: a client letterboxes an image to {size} x {size} pixels (grey 114 around it{stretched}), sends RGB
in 0..1, and reads the output as its head says ("{head}"): scores above {confidence:g}, NMS at IoU {iou:g} where the
head is "nms". The deployed program that does so is objectives/deploy/detector.py; the layout `container` runs it.
No Triton server has run where this was written: the file was checked against the format alone.
"""


class TritonRepository(ServingLayout):
    """A model repository with one model."""

    name: ClassVar[str] = "triton"

    def write(self, version: PackedVersion, folder: Path) -> None:
        """Write the repository."""
        card = version.card
        model = folder / card.name
        (model / str(card.round)).mkdir(parents=True)
        link(version.model, model / str(card.round) / MODEL)
        (model / "config.pbtxt").write_text(model_config(version), encoding="utf-8")
        meta = read_meta(read_properties(version.model), version.model)
        (folder / "README.txt").write_text(
            TRITON_README.format(
                name=card.name,
                version=card.version,
                size=meta.size_px,
                stretched=", but stretched here" if meta.stretched else "",
                head=meta.head,
                confidence=card.confidence,
                iou=meta.nms_iou,
            ),
            encoding="utf-8",
        )


def model_config(version: PackedVersion) -> str:
    """Return `config.pbtxt`: tensors as the graph has them, batch included (`max_batch_size: 0`)."""
    import onnx

    graph = onnx.load(str(version.model), load_external_data=False).graph
    constants = {one.name for one in graph.initializer}
    inputs = [one for one in graph.input if one.name not in constants]
    lines = [
        f"name: {quoted(version.card.name)}",
        'platform: "onnxruntime_onnx"',
        'backend: "onnxruntime"',
        f"default_model_filename: {quoted(MODEL)}",
        "max_batch_size: 0",
        *_tensors("input", inputs),
        *_tensors("output", graph.output),
        *_parameter("version", version.card.version),
        *_parameter("classes", json.dumps(version.card.classes, ensure_ascii=False)),
        *_parameter("confidence", f"{version.card.confidence:g}"),
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a text as protobuf's text format has strings; bytes beyond ASCII as octal escapes."""
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n"}
    each = (plain.get(one) or (chr(one) if 32 <= one < 127 else f"\\{one:03o}") for one in text.encode())
    return f'"{"".join(each)}"'


def _tensors(kind: str, tensors: Any) -> list[str]:
    lines = []
    for tensor in tensors:
        dims = ", ".join(str(one) for one in _dims(tensor))
        lines += [
            f"{kind} {{",
            f"  name: {quoted(tensor.name)}",
            f"  data_type: {_type(tensor)}",
            f"  dims: [ {dims} ]",
            "}",
        ]
    return lines


def _type(tensor: Any) -> str:
    import onnx

    name = onnx.TensorProto.DataType.Name(tensor.type.tensor_type.elem_type)
    if name not in TRITON_TYPES:
        raise DataError(f"rollout.layouts: triton has no type for '{tensor.name}', which is {name}; leave triton out")
    return TRITON_TYPES[name]


def _dims(tensor: Any) -> list[int]:
    """Return the sizes of a tensor; -1 for one that the graph leaves open."""
    dims = tensor.type.tensor_type.shape.dim
    return [one.dim_value if one.HasField("dim_value") else -1 for one in dims]


def _parameter(key: str, value: str) -> list[str]:
    return ["parameters {", f"  key: {quoted(key)}", f"  value {{ string_value: {quoted(value)} }}", "}"]
