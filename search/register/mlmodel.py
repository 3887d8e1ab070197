"""The files by which MLflow knows an ONNX file for a model: `MLmodel` with the flavours onnx and pyfunc, requirements.

`mlflow.onnx.save_model` would write the network anew; here the file stays the one that was measured, byte by byte.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from objectives.records.paths import MODEL
from search.register.release import Release

PROCESSOR = "CPUExecutionProvider"
NEEDED = ("onnx", "onnxruntime", "numpy")  # by whoever loads the model
BUILD = ("pip", "setuptools", "wheel")


def write_mlmodel(folder: Path, release: Release, run_id: str, place: str) -> None:
    """Write `MLmodel`, `requirements.txt` and `python_env.yaml`.

    Args:
        folder: to write to.
        release: what is registered.
        run_id: of the run that the files become artifacts of.
        place: folder of the run's artifacts that they come to.
    """
    import yaml
    from mlflow.models import Model, ModelSignature

    model = release.files[MODEL]
    inputs, outputs = (_schema(values) for values in _ends(model))
    written: Any = Model(run_id=run_id, artifact_path=place, signature=ModelSignature(inputs, outputs))
    providers = [release.provider] if release.provider == PROCESSOR else [release.provider, PROCESSOR]
    written.add_flavor("onnx", onnx_version=version("onnx"), data=MODEL, providers=providers)
    python = sys.version.split()[0]
    environment = {"virtualenv": "python_env.yaml"}
    written.add_flavor(
        "python_function", loader_module="mlflow.onnx", python_version=python, data=MODEL, env=environment
    )
    written.metadata = {
        "sha256": release.sha256,
        "classes": list((release.lineage.get("data") or {}).get("classes", ())),
    }
    written.model_size_bytes = model.stat().st_size
    written.save(str(folder / "MLmodel"))
    pins = [f"mlflow=={version('mlflow-skinny')}", *(f"{name}=={version(name)}" for name in NEEDED)]
    (folder / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    card = {"python": python, "build_dependencies": list(BUILD), "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def _ends(path: Path) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return inputs and outputs of a network, as ONNX describes them."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    return graph.input, graph.output


def _schema(values: Sequence[Any]) -> Any:
    """Return tensors of names, kinds and shapes as MLflow's schema; a free side is -1."""
    import onnx
    from mlflow.types import Schema, TensorSpec

    specs = []
    for value in values:
        tensor = value.type.tensor_type
        shape = tuple(side.dim_value if side.HasField("dim_value") else -1 for side in tensor.shape.dim)
        specs.append(TensorSpec(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type), shape, value.name))
    return Schema(specs)
