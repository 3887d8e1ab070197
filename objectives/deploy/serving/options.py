"""What a server is given: environment variables, each with what it is where it is not set."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spaces.errors import SettingsError, nearest


@dataclass(frozen=True)
class ServerOptions:
    """The options of a server; docs/rollout.md has a row for each variable.

    Attributes:
        deployments: AUTOML_DEPLOYMENTS: folder of versions that is followed; None: `model` is served.
        model: AUTOML_MODEL: folder of one version.
        version: AUTOML_VERSION: of `model`, as the log names it.
        shadow_of: AUTOML_SHADOW_OF: version whose shadow `model` is: its answers are logged as such; empty for none.
        log: AUTOML_LOG: file that answers are appended to; None: they are not logged.
        host, port: AUTOML_HOST, AUTOML_PORT.
        provider: AUTOML_PROVIDER: ONNX Runtime's.
        threads: AUTOML_THREADS: of the network; 0 leaves the choice to the runtime.
        body_mb_max: AUTOML_BODY_MB_MAX: of a request.
        connections_max: AUTOML_CONNECTIONS_MAX: that are open at once; who comes beyond is answered with 503.
    """

    deployments: Path | None
    model: Path
    version: str
    shadow_of: str
    log: Path | None
    host: str
    port: int
    provider: str
    threads: int
    body_mb_max: float
    connections_max: int

    @classmethod
    def of(cls, environment: Mapping[str, str], home: Path) -> "ServerOptions":
        """Read the variables; `home` is the folder that the server lies in.

        Raises:
            SettingsError: one is no number, or out of bounds.
        """
        given = {
            key.removeprefix(VARIABLE_PREFIX): value
            for key, value in environment.items()
            if key.startswith(VARIABLE_PREFIX)
        }
        for key in given:  # a typo must not pass for a default in silence; hooks bring variables of their own
            if key not in SERVER_VARIABLES and (near := nearest(key, SERVER_VARIABLES, VARIABLE_PREFIX)):
                logging.getLogger("automl").warning("%s%s: no variable of the server%s", VARIABLE_PREFIX, key, near)
        deployments, log = given.get("DEPLOYMENTS"), given.get("LOG")
        return cls(
            deployments=Path(deployments) if deployments else None,
            model=Path(given.get("MODEL") or home / "model"),
            version=given.get("VERSION") or "unnamed",
            shadow_of=given.get("SHADOW_OF", ""),
            log=Path(log) if log else None,
            host=given.get("HOST") or "127.0.0.1",
            port=int(_number(given, "PORT", 8080, 0, 65535)),
            provider=given.get("PROVIDER") or "CPUExecutionProvider",
            threads=int(_number(given, "THREADS", 0, 0, os.cpu_count() or 1)),
            body_mb_max=_number(given, "BODY_MB_MAX", 32, 0.001, 4096),
            connections_max=int(_number(given, "CONNECTIONS_MAX", 64, 1, 65535)),
        )


VARIABLE_PREFIX = "AUTOML_"
SERVER_VARIABLES = (
    "DEPLOYMENTS",
    "MODEL",
    "VERSION",
    "SHADOW_OF",
    "LOG",
    "HOST",
    "PORT",
    "PROVIDER",
    "THREADS",
    "BODY_MB_MAX",
    "CONNECTIONS_MAX",
)


def _number(given: Mapping[str, str], key: str, otherwise: float, least: float, most: float) -> float:
    text = given.get(key) or str(otherwise)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise SettingsError(f"{VARIABLE_PREFIX}{key}: must be a number from {least:g} to {most:g}, got '{text}'")
    return value
