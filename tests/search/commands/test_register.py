"""`automl register` as users run it: a real SQLite store, a real MLflow server on loopback, and bad input."""

import ast
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import SCRIPT, Done, automl
from mlflow_server import free_port, mlflow_server
from small_export import lineage_of, write_export, write_trained

import search
from objectives.data.dataset import Dataset
from objectives.records.paths import ExportPaths
from objectives.weights.shelf import sha256_of

END = {"mean": 0.45, "low": 0.4, "high": 0.5, "level": 0.95, "n": 3}
# Packages of the whole MLflow that the extra `mlflow` does not bring.
NOT_IN_EXTRA = ("pandas", "pyarrow", "flask", "docker", "graphene", "gunicorn", "huey", "skops", "aiohttp")
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from search.cli import main
main({line!r})
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Path:
    """A folder with an export `out` that has a proof, only read; stores are made in folders of their own."""
    place = tmp_path_factory.mktemp("register")
    export = write_export(place, blocks)
    export.lineage.write_text(json.dumps({**lineage_of(export), "proof": {"map": END}}))
    write_trained(export)
    return place


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty `mlflow.db`: making one takes seconds."""
    from mlflow.tracking import MlflowClient

    folder = tmp_path_factory.mktemp("database")
    with pytest.warns():  # SQLAlchemy, of MLflow's own code
        MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return folder


@pytest.fixture
def user(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with that database, and no variables of MLflow's."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(database / "mlflow.db", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server."""
    with mlflow_server(tmp_path_factory.mktemp("server") / "server") as url:
        yield url


def client_of(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri, uri)


def local(folder: Path) -> Any:
    return client_of(f"sqlite:///{folder / 'mlflow.db'}")


def named(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the store to MLflow for one test; `set_tracking_uri` would keep it for the whole process."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, uri)


def registered(folder: Path, *arguments: str) -> str:
    done = automl("register", *arguments, folder=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def refusal(done: Done) -> str:
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("automl: register: ").rstrip()


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of MLflow's client


@pytest.mark.slow
@pytest.mark.seconds
def test_a_server_gives_back_what_was_registered(
    place: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    said = registered(place, "out", "--tracking-uri", server, "--name", "shelves", "--alias", "champion")
    assert "registered shelves version 1" in said
    client, export = client_of(server), ExportPaths(place / "out")
    version = client.get_model_version_by_alias("shelves", "champion")
    run = client.get_run(version.run_id)
    lineage = lineage_of(export)
    assert (version.version, version.source) in (("1", f"runs:/{run.info.run_id}/model"), (1, version.source))
    assert version.tags["automl.sha256"] == sha256_of(export.model)
    assert version.tags["automl.data_fingerprint"] == lineage["fingerprints"]["data"]
    assert "proven 0.450 (0.400 to 0.500)" in version.description
    assert run.info.status == "FINISHED"
    assert run.data.metrics["map"] == lineage["automl.accuracy"]["map"]
    assert {f"map_{name}": run.data.metrics[f"map_{name}"] for name in END} == {
        f"map_{name}": value for name, value in END.items()
    }
    assert run.data.metrics["p50_low_ms"] == lineage["automl.latency"]["p50_low_ms"]
    assert run.data.params["size.pixels"] == str(lineage["candidate"]["size.pixels"])
    assert run.data.params["settings.seed"] == "42"
    named(server, monkeypatch)
    got = Path(mlflow.artifacts.download_artifacts("models:/shelves@champion", dst_path=str(tmp_path / "got")))
    for path in export.folder.iterdir():
        if path.is_file():
            assert (got / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
@pytest.mark.seconds
def test_a_server_that_has_gone_is_one_line_in_seconds(place: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    done = automl("register", "out", "--tracking-uri", f"http://me:secret@127.0.0.1:{free_port()}", folder=place)
    refused = refusal(done)
    assert "no MLflow server answers (connection refused)" in refused
    assert "secret" not in refused
    assert time.monotonic() - began < 30  # MLflow's own retries take four minutes


@pytest.mark.slow
@pytest.mark.seconds
def test_a_server_that_keeps_no_files_leaves_no_version(place: Path, tmp_path: Path) -> None:
    in_the_way = tmp_path / "a file"
    in_the_way.write_text("")
    with mlflow_server(tmp_path / "server", in_the_way / "artifacts") as url:
        done = automl("register", "out", "--tracking-uri", url, folder=place)
        assert url in refusal(done)
        client = client_of(url)
        assert client.search_registered_models() == []
        (run,) = client.search_runs([client.get_experiment_by_name("automl").experiment_id])
        assert run.info.status == "FAILED"


@pytest.mark.slow
@pytest.mark.seconds
def test_the_database_lies_in_the_working_folder_and_its_files_beside_it(place: Path, user: Path) -> None:
    said = registered(user, str(place / "out"), "--alias", "champion")
    assert said.startswith(f"registered smoke version 1 in sqlite:///{user / 'mlflow.db'} (run ")
    assert "note: " in said
    assert "at full length it is" in said
    version = local(user).get_model_version_by_alias("smoke", "champion")
    model = user / "mlruns" / version.run_id / "artifacts" / "model"
    assert (model / "model.onnx").read_bytes() == (place / "out" / "model.onnx").read_bytes()
    assert local(user).get_experiment_by_name("automl") is not None


@pytest.mark.seconds
def test_the_same_file_is_the_same_version(place: Path, user: Path) -> None:
    out = str(place / "out")
    registered(user, out)
    assert "smoke version 1 in " in (said := registered(user, out, "--alias", "champion"))
    assert "has this very file already; --again makes another" in said
    assert "registered" not in said
    assert local(user).get_model_version_by_alias("smoke", "champion").version in (1, "1")
    assert "registered smoke version 2" in registered(user, out, "--again")
    assert "it named version 1" in registered(user, out, "--alias", "champion")
    assert "registered other version 1" in registered(user, out, "--name", "other")
    assert len(local(user).search_model_versions()) == 3


@pytest.mark.seconds
def test_variables_of_mlflow_name_the_store_and_the_experiment(
    place: Path, user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    shutil.move(user / "mlflow.db", elsewhere)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "shelves")
    registered(user, str(place / "out"))
    assert not (user / "mlflow.db").exists()
    assert local(elsewhere).get_experiment_by_name("shelves") is not None
    assert (elsewhere / "mlruns").is_dir()
    registered(user, str(place / "out"), "--experiment", "mine", "--again")
    assert local(elsewhere).get_experiment_by_name("mine") is not None


@pytest.mark.seconds
def test_what_was_trained_at_full_length_comes_back_as_an_export_folder(place: Path, user: Path) -> None:
    said = registered(user, str(place / "out" / "trained"))
    assert "note: " not in said
    (version,) = local(user).search_model_versions()
    run = local(user).get_run(version.run_id)
    assert run.data.metrics["map"] == 0.9
    assert run.data.metrics["test/map"] == 0.8
    assert "map_low" not in run.data.metrics  # the proof is of the search's file
    model = user / "mlruns" / version.run_id / "artifacts" / "model"
    assert (model / "model.onnx").read_bytes() == (place / "out" / "trained" / "model.onnx").read_bytes()
    assert json.loads((model / "lineage.json").read_text())["artifact"]["sha256"] == sha256_of(model / "model.onnx")
    assert yaml.safe_load((model / "config.yaml").read_text())["study"] == "smoke"
    assert "registered again version 1" in registered(user, str(model), "--name", "again")


@pytest.mark.seconds
@pytest.mark.filterwarnings("ignore:.*Any type hint")  # of MLflow's own code, when it is imported
def test_mlflow_loads_the_model(place: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    import numpy as np

    registered(user, str(place / "out"))
    named(f"sqlite:///{user / 'mlflow.db'}", monkeypatch)
    network = mlflow.onnx.load_model("models:/smoke/1")
    assert network.graph.input[0].name == "images"
    model = mlflow.pyfunc.load_model("models:/smoke/1")
    assert model.metadata.get_input_schema().input_names() == ["images"]
    found = model.predict(np.zeros((1, 3, 160, 160), np.float32))
    assert found["output0"].shape[:2] == (1, 6)


@pytest.mark.seconds
def test_files_that_cannot_be_written_leave_a_failed_run_and_no_model(place: Path, user: Path) -> None:
    (user / "mlruns").write_text("in the way")
    assert "mlflow.db" in refusal(automl("register", str(place / "out"), folder=user))
    client = local(user)
    assert client.search_registered_models() == []
    (run,) = client.search_runs([client.get_experiment_by_name("automl").experiment_id])
    assert run.info.status == "FAILED"


@pytest.mark.slow
@pytest.mark.seconds
def test_the_extra_alone_is_enough(place: Path, user: Path) -> None:
    """A process in which what the whole MLflow needs beside the extra cannot be imported."""
    code = WITHOUT.format(missing=NOT_IN_EXTRA, line=["register", str(place / "out"), "--alias", "champion"])
    done = subprocess.run([sys.executable, "-c", code], cwd=user, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "registered smoke version 1" in done.stdout


@pytest.mark.seconds
def test_without_the_extra_one_line_says_how_to_install_it(
    place: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mlflow", "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, name, None)
    refused = refusal(automl("register", str(place / "out"), folder=user))
    assert refused.startswith("MLflow is not installed")
    assert refused.endswith("pip install 'automl[mlflow]'")


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "there is no folder 'nowhere'"),
        (("runs",), "'runs' holds no config.yaml; name a folder of automl export"),
        (("out", "--name", "a/b"), "a model's name holds neither '/' nor ':', got 'a/b'"),
        (("out", "--name", " "), "a model's name"),
        (("out", "--alias", "latest"), "got 'latest'"),
        (("out", "--alias", "v2"), "got 'v2'"),
        (("out", "--alias", "best one"), "got 'best one'"),
        (("out", "--tracking-uri", "folder"), "no plain folder any more"),
    ],
)
def test_mistakes_are_one_line(place: Path, user: Path, arguments: tuple[str, ...], said: str) -> None:
    before = sorted(place.rglob("*"))
    assert said in refusal(automl("register", *arguments, folder=place))
    assert sorted(place.rglob("*")) == before


@pytest.fixture
def own(place: Path, user: Path) -> ExportPaths:
    """A copy of the export, to be changed."""
    shutil.copytree(place / "out", user / "out")
    return ExportPaths(user / "out")


@pytest.mark.seconds
def test_a_file_that_was_changed_is_not_what_the_lineage_is_about(own: ExportPaths, user: Path) -> None:
    own.model.write_bytes(own.model.read_bytes() + b" ")
    assert "was changed since 'lineage.json' was written" in refusal(automl("register", "out", folder=user))


@pytest.mark.seconds
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"study": "smoke", "trial": "x"}'])
def test_a_lineage_that_cannot_be_read_is_one_line(own: ExportPaths, user: Path, content: str) -> None:
    own.lineage.write_text(content)
    assert "lineage.json' cannot be read" in refusal(automl("register", "out", folder=user))


@pytest.mark.seconds
def test_a_newer_lineage_is_refused(own: ExportPaths, user: Path) -> None:
    own.lineage.write_text(json.dumps({**lineage_of(own), "format": 2}))
    assert "has format 2, this automl reads 1; update automl" in refusal(automl("register", "out", folder=user))


@pytest.mark.seconds
def test_an_export_of_an_older_automl_is_registered(own: ExportPaths, user: Path) -> None:
    new = ("format", "artifact", "files", "candidate", "data", "code", "start", "chain", "proof")
    own.lineage.write_text(json.dumps({key: value for key, value in lineage_of(own).items() if key not in new}))
    registered(user, "out")
    (version,) = local(user).search_model_versions()
    run = local(user).get_run(version.run_id)
    assert version.tags["automl.sha256"] == sha256_of(own.model)
    assert {"map", "p50_ms"} <= set(run.data.metrics)
    assert "size.pixels" in run.data.params


def test_three_modules_import_mlflow_and_only_when_they_are_called() -> None:
    root = Path(search.__file__).parents[1]
    where = {}
    for package in ("search", "reports", "objectives", "spaces"):
        for path in (root / package).rglob("*.py"):
            if "mlflow" not in (text := path.read_text()):
                continue
            tree = ast.parse(text)
            if "mlflow" in imported(ast.walk(tree)):
                where[path.stem] = "mlflow" in imported(tree.body)
    assert where == {"model_registry": False, "mlmodel": False, "on_mlflow": False}


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the packages that these nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.slow
@pytest.mark.seconds
def test_a_server_that_never_answers_is_one_line_in_seconds(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        refused = refusal(automl("register", "out", "--tracking-uri", uri, folder=place))
    assert "no MLflow server answers (timed out)" in refused
    assert time.monotonic() - began < 40


@pytest.mark.slow
@pytest.mark.seconds
def test_ctrl_c_leaves_no_version_and_a_run_that_says_so(place: Path, user: Path) -> None:
    shutil.copytree(place / "out", user / "out")
    whole = 0
    while interrupted(user, whole) == 0:  # it was done before the signal came
        whole += 1
        assert whole < 5
    client = local(user)
    assert len(client.search_model_versions()) == whole
    runs = client.search_runs([client.get_experiment_by_name("automl").experiment_id])
    assert sorted(run.info.status for run in runs) == ["FINISHED"] * whole + ["KILLED"]


def interrupted(folder: Path, runs: int) -> int:
    """Register, with Ctrl-C as soon as there are more runs than so many and the database is locked; return the code."""
    line = [str(SCRIPT), "register", "out", "--again"]
    with closing(sqlite3.connect(folder / "mlflow.db", timeout=60)) as other:
        process = subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and other.execute("select count(*) from runs").fetchone()[0] <= runs:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)  # before the lock, which waits for all that is being written
        other.execute("begin immediate")
        time.sleep(1)
        other.rollback()
    process.communicate(timeout=120)
    return process.returncode
