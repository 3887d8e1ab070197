"""NCNN, on the processor."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.artifact_files import read_properties
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, check_options, not_loaded

BLOB_IN, BLOB_OUT = "in0", "out0"  # as pnnx names them


class Ncnn(Runtime):
    """NCNN; options are fields of its `Net.opt`. 16-bit floats are its own default where the processor has them."""

    suffixes = (".param",)

    def __init__(self, path: Path, device: Device) -> None:
        import ncnn

        self._net, self._mat = ncnn.Net(), ncnn.Mat
        check_options(device, Ncnn)
        if device.threads:
            self._net.opt.num_threads = device.threads
        for name, value in device.options.items():
            setattr(self._net.opt, name, bool(value))
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise not_loaded(path, device, FileNotFoundError(f"there is no '{weights.name}' beside it"))
        self.meta = read_meta(read_properties(path), path)
        if self._net.load_param(str(path)) or self._net.load_model(str(weights)):
            raise not_loaded(path, device, ValueError("NCNN does not read the network or its weights"))
        if BLOB_OUT not in self._net.output_names():
            raise not_loaded(path, device, ValueError(f"it has no output '{BLOB_OUT}'"))

    @classmethod
    def known_options(cls) -> tuple[str, ...]:
        """Return the switches of `Net.opt`."""
        import ncnn

        return tuple(sorted(name for name in dir(ncnn.Option) if name.startswith("use_")))

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Extract the output."""
        extractor = self._net.create_extractor()
        extractor.input(BLOB_IN, self._mat(blob[0]).clone())  # its channels lie apart in memory as NCNN aligns them
        code, output = extractor.extract(BLOB_OUT)
        if code:
            raise RuntimeError(f"NCNN ended with {code}")
        found: NDArray[np.float32] = np.array(output)[None]
        return found
