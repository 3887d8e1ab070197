"""Precisions that a search asks for, held against what is installed, before the first trial."""

from collections.abc import Collection
from importlib.util import find_spec

from spaces.errors import SettingsError
from spaces.network.family import PRECISION
from spaces.space import SearchSpace

CONVERTED_FOR = ("onnxruntime", "openvino")  # runtimes that fp16 and int8 files are made for


def check_quantiser(space: SearchSpace, runtimes: Collection[str]) -> None:
    """Check that files in the precisions of a space can be made for the runtimes of a study's devices.

    Args:
        space: whose precisions are asked for.
        runtimes: of the devices.

    Raises:
        SettingsError: a runtime takes fp32 alone, several runtimes would need a file each, or NNCF is not installed,
            which OpenVINO's int8 needs.
    """
    asked = [precision for precision in ("fp16", "int8") if space.may_hold({PRECISION: precision})]
    if not asked:
        return
    for runtime in runtimes:
        if runtime not in CONVERTED_FOR:
            raise SettingsError(
                f"space.{PRECISION}: {asked[0]} is made for {' and '.join(CONVERTED_FOR)}, and "
                f"device.runtime={runtime} takes fp32; leave the dimension out, or name another device"
            )
    if len(set(runtimes)) > 1:
        raise SettingsError(
            f"space.{PRECISION}: a file in {asked[0]} is made for one runtime, and devices has "
            f"{' and '.join(sorted(set(runtimes)))}; search them one by one"
        )
    if "openvino" in runtimes and "int8" in asked and find_spec("nncf") is None:
        raise SettingsError(f"space.{PRECISION}: int8 on device.runtime=openvino needs nncf; install automl[int8]")
