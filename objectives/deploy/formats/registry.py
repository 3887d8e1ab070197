"""Formats by name."""

from collections.abc import Sequence

from objectives.deploy.formats.contract import Format
from objectives.deploy.formats.litert import LiteRt
from objectives.deploy.formats.ncnn_network import NcnnNetwork
from objectives.deploy.formats.onnx_file import Onnx
from objectives.deploy.formats.openvino_ir import OpenVinoIr
from objectives.deploy.formats.torchscript import TorchScript
from objectives.deploy.formats.vendors.hailo import Hailo
from objectives.deploy.formats.vendors.imx500 import Imx500
from objectives.deploy.formats.vendors.rknn import Rknn
from objectives.deploy.formats.vendors.tensorrt import TensorRt
from spaces.errors import AutomlError, nearest

FORMATS: dict[str, Format] = {
    one.name: one
    for one in (Onnx(), OpenVinoIr(), LiteRt(), TorchScript(), NcnnNetwork(), TensorRt(), Imx500(), Hailo(), Rknn())
}
ALIASES = {"tflite": "litert", "engine": "tensorrt", "imx": "imx500"}
AVAILABLE = "available"  # every format that can be written here


def formats_named(text: str) -> tuple[Format, ...]:
    """Return the formats that a comma-separated list names, each once; "available" names all that can be written here.

    Raises:
        AutomlError: a name is unknown, or a format cannot be written here.
    """
    names = [ALIASES.get(name, name) for name in (part.strip().lower() for part in text.split(",")) if name]
    if names == [AVAILABLE]:
        return tuple(one for one in FORMATS.values() if not one.why_not())
    if not names:
        raise AutomlError(f"formats: none was named; known: {', '.join(FORMATS)}")
    return _checked(list(dict.fromkeys(names)))


def _checked(names: Sequence[str]) -> tuple[Format, ...]:
    for name in names:
        if name not in FORMATS:
            hint = nearest(name, (*FORMATS, *ALIASES, AVAILABLE)) or f"; known: {', '.join(FORMATS)}"
            raise AutomlError(f"formats: unknown format '{name}'{hint}")
    found = tuple(FORMATS[name] for name in names)
    missing = [f"format {one.name}: {why}" for one in found if (why := one.why_not())]
    if missing:
        raise AutomlError("\n".join([*missing, f"leave them out, or name --format {AVAILABLE}"]))
    return found
