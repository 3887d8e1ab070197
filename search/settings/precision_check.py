"""Precisions that a search asks for, held against what is installed, before the first trial."""

from importlib.util import find_spec

from spaces.errors import SettingsError
from spaces.network.family import PRECISION
from spaces.space import SearchSpace


def check_quantiser(space: SearchSpace, runtime: str) -> None:
    """Check that int8 can be made for the device's runtime, where a space holds it.

    Raises:
        SettingsError: NNCF is not installed, which OpenVINO's int8 needs.
    """
    if runtime == "openvino" and space.may_hold({PRECISION: "int8"}) and find_spec("nncf") is None:
        raise SettingsError(f"space.{PRECISION}: int8 on device.runtime=openvino needs nncf; install automl[int8]")
