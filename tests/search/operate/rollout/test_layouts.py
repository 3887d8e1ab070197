"""Layouts: Triton's repository against its format, and the container's server against the deployed program."""

import ast
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from quick_search import LONG_S, wait_until
from rolled_out import pipeline, rolled_out, write_round_export
from window_detector import POOR

from objectives.data.dataset import Dataset
from objectives.deploy.detector import Detector
from objectives.deploy.device import Device
from objectives.deploy.runtimes.open import open_artifact
from objectives.predictions.read import LogReport, read_predictions
from search.operate.journal.state import RolloutState
from search.operate.rollout.layouts.container import SERVER_PACKAGES, requirements, server_modules
from search.operate.rollout.layouts.contract import PackedVersion
from search.operate.rollout.layouts.triton import model_config, quoted
from search.operate.rollout.pack import pack
from search.operate.rollout.pointer import announce, point
from search.operate.rollout.whole import check_whole
from spaces.errors import DataError

DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "prometheus_client": "prometheus-client"}
OF_OTHER_RUNTIMES = {
    "ai_edge_litert",
    "ncnn",
    "onnx",
    "openvino",
    "pi_heif",
    "pynvml",
    "torch",
}  # imported when asked for
TOKEN = re.compile(r'\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+)|(?P<mark>[{}\[\]:,]))')


def parsed(text: str) -> dict[str, list[Any]]:
    """Read protobuf's text format, as far as a model's configuration uses it: fields, messages, lists of scalars."""
    tokens, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        assert found, text[at : at + 40]
        tokens.append((found.lastgroup, found[found.lastgroup or 0]))
        at = found.end()
    values, rest = _message(tokens)
    assert rest == []
    return values


def _message(tokens: list[tuple[str | None, str]]) -> tuple[dict[str, list[Any]], list[tuple[str | None, str]]]:
    values: dict[str, list[Any]] = {}
    while tokens and tokens[0][1] != "}":
        (kind, name), *tokens = tokens
        assert kind == "name", name
        if tokens[0][1] == ":":
            tokens = tokens[1:]
        if tokens[0][1] == "{":
            inner, tokens = _message(tokens[1:])
            assert tokens[0][1] == "}"
            values.setdefault(name, []).append(inner)
            tokens = tokens[1:]
        elif tokens[0][1] == "[":
            end = next(i for i, token in enumerate(tokens) if token[1] == "]")
            values.setdefault(name, []).extend(_scalar(one) for one in tokens[1:end] if one[1] != ",")
            tokens = tokens[end + 1 :]
        else:
            values.setdefault(name, []).append(_scalar(tokens[0]))
            tokens = tokens[1:]
    return values, tokens


def _scalar(token: tuple[str | None, str]) -> Any:
    kind, text = token
    if kind == "text":
        return ast.literal_eval("b" + text).decode()  # C's escapes are Python's of bytes
    return int(text) if kind == "number" else text


def test_tritons_repository_has_its_shape_and_the_tensors_of_the_graph(tmp_path: Path) -> None:
    context = pipeline(tmp_path, "rollout.layouts=[triton]")
    write_round_export(context, 7)
    pack(context, 7)
    root = context.paths.deployment("v0007") / "layouts" / "triton"
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    assert files == ["README.txt", "shelves/7/model.onnx", "shelves/config.pbtxt"]
    values = parsed((root / "shelves" / "config.pbtxt").read_text())
    graph = onnx.load(str(root / "shelves" / "7" / "model.onnx")).graph
    windows = graph.output[0].type.tensor_type.shape.dim[2].dim_value
    assert values["name"] == ["shelves"]
    assert (values["platform"], values["max_batch_size"]) == (["onnxruntime_onnx"], [0])
    assert values["input"] == [{"name": ["images"], "data_type": ["TYPE_FP32"], "dims": [1, 3, 160, 160]}]
    assert values["output"] == [{"name": ["output0"], "data_type": ["TYPE_FP32"], "dims": [1, 6, windows]}]
    parameters = {one["key"][0]: one["value"][0]["string_value"][0] for one in values["parameters"]}
    assert parameters == {"version": "v0007", "classes": '["red", "blue"]', "confidence": "0.25"}


def test_texts_open_sizes_and_types_of_the_configuration(tmp_path: Path) -> None:
    for text in ('a "b" \\ c', "Läufer\n", "{}:[]"):
        assert parsed(f"name: {quoted(text)}") == {"name": [text]}
    context = pipeline(tmp_path)
    write_round_export(context, 1)
    pack(context, 1)
    folder = context.paths.deployment("v0001")
    for kind, named in ((TensorProto.FLOAT16, "TYPE_FP16"), (TensorProto.COMPLEX64, "")):
        tensors = [helper.make_tensor_value_info(name, kind, ["batch", 3, 8, 8]) for name in ("in", "out")]
        graph = helper.make_graph([helper.make_node("Identity", ["in"], ["out"])], "g", tensors[:1], tensors[1:])
        onnx.save(helper.make_model(graph), str(tmp_path / "m.onnx"))
        version = PackedVersion(tmp_path / "m.onnx", check_whole(folder), folder / "lineage.json")
        if named:
            found = parsed(model_config(version))["input"]
            assert found == [{"name": ["in"], "data_type": [named], "dims": [-1, 3, 8, 8]}]
        else:
            with pytest.raises(DataError, match=r"triton has no type for 'in', which is COMPLEX64"):
                model_config(version)


def test_the_server_needs_no_package_that_its_requirements_lack() -> None:
    named = set()
    for path in server_modules().values():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                named |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                named.add((node.module or "").partition(".")[0])
    packages = named - set(sys.stdlib_module_names) - {"objectives", "spaces"} - OF_OTHER_RUNTIMES
    assert {DISTRIBUTIONS.get(name, name) for name in packages} == set(SERVER_PACKAGES)
    assert "onnxruntime==" in requirements()
    assert not [name for name in server_modules() if name.startswith(("objectives.training", "objectives.network"))]


@contextmanager
def server(context_folder: Path, log: Path, **variables: str) -> Iterator[str]:
    """Run the server of a build context as a process, as the container would, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AUTOML_"))}
    environment |= {"AUTOML_PORT": str(port), "AUTOML_LOG": str(log), "AUTOML_THREADS": "1", **variables}
    address = f"http://127.0.0.1:{port}"
    with (log.parent / "server.txt").open("w") as out:
        line = [sys.executable, str(context_folder / "server.py")]
        process = subprocess.Popen(line, env=environment, cwd=log.parent, stdout=out, stderr=out)
    try:
        wait_until(lambda: process.poll() is not None or _is_up(address))
        assert process.poll() is None, (log.parent / "server.txt").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(LONG_S)


@contextmanager
def held(address: str) -> Iterator[None]:
    """Hold a connection open that has been answered."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request("GET", "/metrics")
    connection.getresponse().read()
    with closing(connection):
        yield


def _is_up(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
    except OSError:
        return False
    return True


def asked(address: str, image: bytes, query: str = "") -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/detect{query}", image, timeout=30) as answer:
        content: dict[str, Any] = json.loads(answer.read())
    return content


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


def found_here(model: Path, image: Path) -> list[dict[str, Any]]:
    device = Device("cpu", "onnxruntime", "CPUExecutionProvider", 1, {}, None, "python3", True)
    detector = Detector(open_artifact(model, device))
    pixels = cv2.imread(str(image))
    assert pixels is not None
    found = detector(np.asarray(pixels, np.uint8))
    each = zip(found.classes, found.scores.tolist(), found.boxes_xyxy.tolist(), strict=True)
    return [{"class": detector.meta.classes[label], "score": score, "box": box} for label, score, box in each]


@pytest.mark.seconds
def test_the_server_of_a_context_answers_as_the_deployed_program(tmp_path: Path, blocks: Dataset) -> None:
    context = pipeline(tmp_path, "rollout.layouts=[container]")
    write_round_export(context, 1)
    pack(context, 1)
    folder = context.paths.deployment("v0001") / "layouts" / "container"
    assert {"Dockerfile", "requirements.txt", "server.py", "README.txt"} <= {path.name for path in folder.iterdir()}
    assert "AUTOML_VERSION=v0001" in (folder / "Dockerfile").read_text()
    log, image = tmp_path / "log.jsonl", blocks.splits["val"][0].path
    with server(folder, log, AUTOML_VERSION="v0001", AUTOML_CONNECTIONS_MAX="2") as address:
        answer = asked(address, image.read_bytes(), "?image=store/1.png&group=store")
        unnamed = asked(address, image.read_bytes())
        with pytest.raises(urllib.error.HTTPError, match="400"):
            asked(address, b"no image")
        metrics = get(f"{address}/metrics")
        assert json.loads(get(f"{address}/healthz")) == {"version": "v0001", "rollout": None}
        with held(address), held(address), pytest.raises(urllib.error.HTTPError, match="503"):
            get(f"{address}/healthz")
        assert wait_until(lambda: _is_up(address)), "those that went make room"
    assert len(answer["detections"]) > 0
    assert answer["detections"] == found_here(context.paths.deployment("v0001") / "model.onnx", image)
    assert (answer["version"], answer["image"], answer["width"]) == ("v0001", "store/1.png", 160)
    assert 'automl_answers_total{failed="False",shadow="False",version="v0001"} 2.0' in metrics
    assert "automl_refused_total 1.0" in metrics
    report = LogReport()
    first, second = read_predictions(log, report=report)
    assert report.problems == ()
    assert (first.image, first.group, first.version, first.shadow) == ("store/1.png", "store", "v0001", False)
    assert [list(box.box_xyxy) for box in first.boxes] == [one["box"] for one in answer["detections"]]
    assert first.latency_ms == pytest.approx(answer["latency_ms"])
    assert (second.image, len(second.image)) == (unnamed["image"], 64)
    outside = [path for path in (tmp_path / "server.txt").read_text().splitlines() if "Error" in path]
    assert outside == []


@pytest.mark.seconds
def test_a_server_follows_the_deployments_shadow_and_canary(tmp_path: Path, blocks: Dataset) -> None:
    context = pipeline(tmp_path, "rollout.layouts=[container]")
    for number in (1, 2):
        write_round_export(context, number, POOR)
        pack(context, number)
    point(context.paths, "v0001")
    state = rolled_out(context, "shadow").rollout
    assert state is not None
    images = [image.path.read_bytes() for image in blocks.splits["val"][:20]]
    log, folder = tmp_path / "log.jsonl", context.paths.deployment("v0001") / "layouts" / "container"
    with server(folder, log, AUTOML_DEPLOYMENTS=str(context.paths.deployed)) as address:
        announce(context.paths, state)
        assert json.loads(get(f"{address}/healthz"))["rollout"]["kind"] == "shadow"
        assert {asked(address, one)["version"] for one in images[:3]} == {"v0001"}
        announce(context.paths, RolloutState("v0002", "canary", 0.3, state.begun_at, 2))
        shares = [asked(address, one)["version"] for one in images]
        assert [asked(address, one)["version"] for one in images] == shares  # the same image, the same version
        point(context.paths, "v0002")
        announce(context.paths, None)
        assert {asked(address, one)["version"] for one in images[:3]} == {"v0002"}
        broken = context.paths.deployed / "v0003"
        broken.mkdir()
        (broken / "model.onnx").write_bytes(b"no network")
        context.paths.current.unlink()
        context.paths.current.symlink_to("v0003")
        assert asked(address, images[0])["version"] == "v0002"  # what cannot be opened does not come to serve
    assert 2 <= shares.count("v0002") <= 10
    records = list(read_predictions(log))
    shadows = [one for one in records if one.shadow]
    assert [(one.version, len({record.image for record in records if record.shadow})) for one in shadows] == [
        ("v0002", 3)
    ] * 3
    assert sum(not one.shadow for one in records) == 3 + 40 + 3 + 1
    assert "v0003" in (tmp_path / "server.txt").read_text()


def test_a_server_without_a_model_says_so(tmp_path: Path) -> None:
    context = pipeline(tmp_path, "rollout.layouts=[container]")
    write_round_export(context, 1)
    pack(context, 1)
    folder = context.paths.deployment("v0001") / "layouts" / "container"
    environment = {**os.environ, "AUTOML_DEPLOYMENTS": str(tmp_path / "nothing"), "AUTOML_THREAD": "3"}
    line = [sys.executable, str(folder / "server.py")]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no version serves in" in done.stderr
    assert "AUTOML_THREAD: no variable of the server; nearest: AUTOML_THREADS" in done.stderr
