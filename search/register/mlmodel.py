"""The files by which MLflow knows an ONNX file for a model: `MLmodel` with the flavours onnx and pyfunc, requirements.

`mlflow.onnx.save_model` would write the network anew; here the file stays the one that was measured, byte by byte.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import yaml

from objectives.records.paths import MODEL
from search.register.release import Release

PROCESSOR = "CPUExecutionProvider"
REQUIREMENTS = ("onnx", "onnxruntime", "numpy")  # by whoever loads the model
BUILD = ("pip", "setuptools", "wheel")


def write_mlmodel(folder: Path, release: Release, run_id: str, place: str) -> None:
    """Write `MLmodel`, `requirements.txt` and `python_env.yaml`.

    Args:
        folder: to write to.
        release: what is registered.
        run_id: of the run that the files become artifacts of.
        place: folder of the run's artifacts that they come to.
    """
    from mlflow.models import Model

    model = release.files[MODEL]
    written: Any = Model(run_id=run_id, artifact_path=place)
    providers = [release.provider] if release.provider == PROCESSOR else [release.provider, PROCESSOR]
    written.add_flavor("onnx", onnx_version=version("onnx"), data=MODEL, providers=providers)
    python = sys.version.split()[0]
    environment = {"virtualenv": "python_env.yaml"}
    written.add_flavor(
        "python_function", loader_module="mlflow.onnx", python_version=python, data=MODEL, env=environment
    )
    classes = list((release.lineage.get("data") or {}).get("classes", ()))
    written.metadata = {"sha256": release.sha256, "classes": classes}
    written.model_size_bytes = model.stat().st_size
    _dump(folder / "MLmodel", {**written.to_dict(), "signature": _signature(model)})
    pins = [f"mlflow=={version('mlflow-skinny')}", *(f"{name}=={version(name)}" for name in REQUIREMENTS)]
    (folder / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    _dump(
        folder / "python_env.yaml",
        {"python": python, "build_dependencies": list(BUILD), "dependencies": ["-r requirements.txt"]},
    )


def _signature(path: Path) -> dict[str, str | None]:
    """Return inputs and outputs of a network as MLflow writes them; its own class for it needs pandas."""
    graph = onnx.load(str(path), load_external_data=False).graph
    ends = {"inputs": graph.input, "outputs": graph.output}
    return {**{end: json.dumps([_tensor(one) for one in values]) for end, values in ends.items()}, "params": None}


def _tensor(value: Any) -> dict[str, Any]:
    """Return name, kind and shape of a tensor; a free side is -1."""
    kind = value.type.tensor_type
    shape = [side.dim_value if side.HasField("dim_value") else -1 for side in kind.shape.dim]
    spec = {"dtype": str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)), "shape": shape}
    return {"name": value.name, "type": "tensor", "tensor-spec": spec}


def _dump(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
