"""A build context of a container: a small HTTP server that runs the deployed program itself, copied file by file."""

import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import ClassVar

from objectives.deploy.board.folder import modules
from objectives.records.paths import LINEAGE, MODEL
from search.operate.paths import VERSION_CARD
from search.operate.rollout.layouts.contract import PackedVersion, ServingLayout
from search.operate.rollout.layouts.linked import link

SERVER_PROGRAM = "objectives.deploy.serving.program"
# What the server and the deployed program import; a test follows their imports and finds no other.
SERVER_PACKAGES = (
    "msgspec",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "prometheus-client",
    "starlette",
    "uvicorn",
)
SERVER_LAUNCHER = f'''"""Starts the server: see {SERVER_PROGRAM}."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from {SERVER_PROGRAM} import main

if __name__ == "__main__":
    sys.exit(main())
'''
DOCKERFILE = """FROM python:{python}-slim
WORKDIR /srv
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --system automl && mkdir /log && chown automl /log
USER automl
ENV AUTOML_VERSION={version} AUTOML_HOST=0.0.0.0 AUTOML_PORT=8080 AUTOML_LOG=/log/predictions.jsonl
EXPOSE 8080
VOLUME /log
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz')"]
CMD ["python", "server.py"]
"""
CONTAINER_README = """The build context of a small server of {name}, version {version}.

    docker build -t {name}:{version} THIS_FOLDER
    docker run -p 8080:8080 -v LOGS:/log {name}:{version}
    curl --data-binary @image.jpg 'http://127.0.0.1:8080/detect?image=store-3/1.jpg'

Without a container: pip install -r requirements.txt, then python server.py.
It runs the deployed program itself, copied into objectives/. docs/rollout.md of automl has all of its settings.
To follow a folder of deployments (the version that serves, its shadow or canary), mount it and set AUTOML_DEPLOYMENTS.
"""


class ContainerContext(ServingLayout):
    """A folder that `docker build` takes, and that runs without it as well."""

    name: ClassVar[str] = "container"

    def write(self, version: PackedVersion, folder: Path) -> None:
        """Write the context."""
        for name, source in server_modules().items():
            _copy(name, source, folder)
        (folder / "model").mkdir()
        link(version.model, folder / "model" / MODEL)
        link(version.lineage, folder / "model" / LINEAGE)
        (folder / "model" / VERSION_CARD).write_text(version.card.dump(), encoding="utf-8")
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        named = {"name": version.card.name, "version": version.card.version, "python": python}
        _write(folder / "server.py", SERVER_LAUNCHER)
        _write(folder / "requirements.txt", requirements())
        _write(folder / "Dockerfile", DOCKERFILE.format(**named))
        _write(folder / "README.txt", CONTAINER_README.format(**named))


def requirements() -> str:
    """Return the packages with the versions that are installed here: what the detector was scored and timed with."""
    return "".join(f"{name}=={installed(name)}\n" for name in SERVER_PACKAGES)


def server_modules() -> dict[str, Path]:
    """Return our modules that the server needs: files by dotted name."""
    return modules(SERVER_PROGRAM, never=("objectives.latency", "objectives.machine.device_locks"))


def _copy(name: str, source: Path, folder: Path) -> None:
    """Copy a module; its packages become empty ones: ours import lazily, by a package that a server lacks."""
    target = folder / Path(*name.split(".")).with_suffix(".py")
    target.parent.mkdir(parents=True, exist_ok=True)
    for parent in target.relative_to(folder).parents:
        if parent.name:
            (folder / parent / "__init__.py").touch()
    target.write_bytes(source.read_bytes())


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
