"""Formats by name."""

from collections.abc import Sequence

from objectives.deploy.formats.contract import DeployFormat
from objectives.deploy.formats.litert import LiteRtFile
from objectives.deploy.formats.ncnn_network import NcnnNetwork
from objectives.deploy.formats.onnx_file import Onnx
from objectives.deploy.formats.openvino_ir import OpenVinoIr
from objectives.deploy.formats.torchscript import TorchScriptFile
from objectives.deploy.formats.vendors.hailo import Hailo
from objectives.deploy.formats.vendors.imx500 import Imx500
from objectives.deploy.formats.vendors.rknn import Rknn
from objectives.deploy.formats.vendors.tensorrt import TensorRt
from spaces.errors import AutomlError, nearest

DEPLOY_FORMATS: dict[str, DeployFormat] = {
    one.name: one
    for one in (
        Onnx(),
        OpenVinoIr(),
        LiteRtFile(),
        TorchScriptFile(),
        NcnnNetwork(),
        TensorRt(),
        Imx500(),
        Hailo(),
        Rknn(),
    )
}
ALIASES = {"tflite": "litert", "engine": "tensorrt", "imx": "imx500"}
AVAILABLE = "available"  # every format that can be written here


def formats_named(text: str) -> tuple[DeployFormat, ...]:
    """Return the formats that a comma-separated list names, each once; "available" names all that can be written here.

    Raises:
        AutomlError: a name is unknown, or a format cannot be written here.
    """
    names = [ALIASES.get(name, name) for name in (part.strip().lower() for part in text.split(",")) if name]
    if names == [AVAILABLE]:
        return tuple(one for one in DEPLOY_FORMATS.values() if not one.why_not())
    if not names:
        raise AutomlError(f"formats: none was named; known: {', '.join(DEPLOY_FORMATS)}")
    return _checked(list(dict.fromkeys(names)))


def _checked(names: Sequence[str]) -> tuple[DeployFormat, ...]:
    for name in names:
        if name not in DEPLOY_FORMATS:
            hint = nearest(name, (*DEPLOY_FORMATS, *ALIASES, AVAILABLE)) or f"; known: {', '.join(DEPLOY_FORMATS)}"
            raise AutomlError(f"formats: unknown format '{name}'{hint}")
    found = tuple(DEPLOY_FORMATS[name] for name in names)
    missing = [f"format {one.name}: {why}" for one in found if (why := one.why_not())]
    if missing:
        raise AutomlError("\n".join([*missing, f"leave them out, or name --format {AVAILABLE}"]))
    return found
