"""An image as the deployed backbone sees it: its last feature map, averaged, in 64 numbers. No torch in here."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.detector import letterbox, stretch
from spaces.errors import DataError, first_line

EMBEDDING_NUMBERS = 64  # numbers of an embedding: projected at random, lengths stay within some 9 % (1 / sqrt(2 * 64))
STRIDE = 32  # of a backbone's last feature map
TIMM_SCOPE = "/model.0/m/"  # of the nodes of a timm backbone (spaces.network.timm_backbone), which is layer 0
QUANTISERS = ("QuantizeLinear", "DequantizeLinear")
ENLARGERS = ("Resize", "Upsample")


class Embedder:
    """Image in, 64 numbers out, by the backbone of an exported file on the processor.

    Attributes:
        name: of the file by its content: embeddings of two names are not compared.
        tensor: name of the feature map.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Open a file.

        Args:
            path: an ONNX file exported by automl or Ultralytics.
            threads: of the processor.

        Raises:
            DataError: the file cannot be read, or the end of its backbone is not found.
        """
        try:
            model = onnx.load(str(path))
        except Exception as error:  # protobuf's own classes of error, and the system's
            raise DataError(f"embedding: cannot read '{path}' ({first_line(error)}); name an exported .onnx") from error
        self.meta = read_meta({entry.key: entry.value for entry in model.metadata_props}, path)
        self.name = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self.tensor = backbone_end(model)
        if not self.tensor:
            raise _not_found(path)
        self._session = _opened(model, self.tensor, path, threads)
        self._projection: NDArray[np.float64] | None = None
        features = self._features(np.zeros((1, 3, self.meta.size_px, self.meta.size_px), np.float32))
        side = -(-self.meta.size_px // STRIDE)
        if features.ndim != 4 or features.shape[2:] != (side, side):
            raise _not_found(path)
        rng = np.random.default_rng(features.shape[1])
        self._projection = rng.normal(0, EMBEDDING_NUMBERS**-0.5, (features.shape[1], EMBEDDING_NUMBERS))

    def __call__(self, image_bgr: NDArray[np.uint8]) -> tuple[float, ...]:
        """Return the embedding of an image (H, W, 3) BGR."""
        blob, _, _ = (stretch if self.meta.stretched else letterbox)(image_bgr, self.meta.size_px)
        pooled = self._features(blob)[0].mean(axis=(1, 2), dtype=np.float64)
        return tuple((pooled @ self._projection).tolist())

    def _features(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        source = self._session.get_inputs()[0]
        fed = blob.astype(np.float16) if source.type == "tensor(float16)" else blob
        features: NDArray[np.float32] = self._session.run([self.tensor], {source.name: fed})[0]
        return features


def backbone_end(model: onnx.ModelProto) -> str:
    """Return the name of the backbone's last feature map; empty if it is not found.

    Of a timm backbone it is what its last node gives. Ultralytics' own have no such scope: there it is the map that
    the neck enlarges first, which is the backbone's last, or one convolution (in RT-DETR one encoder layer) after it.
    """
    nodes = [node for node in model.graph.node if node.op_type not in QUANTISERS]
    if any(node.name.startswith(TIMM_SCOPE) for node in nodes):
        scope = TIMM_SCOPE.removesuffix("m/")
        return [str(node.output[0]) for node in nodes if node.name.startswith(scope)][-1]
    return next((str(node.input[0]) for node in nodes if node.op_type in ENLARGERS), "")


def _opened(model: onnx.ModelProto, tensor: str, path: Path, threads: int) -> Any:
    """Return a session of the network up to a tensor: what lies behind it, ONNX Runtime leaves out."""
    import onnxruntime

    del model.graph.output[:]
    model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    try:
        content = model.SerializeToString()
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own classes of error differ by version
        raise DataError(f"embedding: cannot run the backbone of '{path}' ({first_line(error)})") from error


def _not_found(path: Path) -> DataError:
    return DataError(
        f"embedding: the end of the backbone of '{path}' was not found (a map at stride {STRIDE}, of a timm backbone "
        "or before the neck's first upsampling); take `embedding` out of drift.watch"
    )
