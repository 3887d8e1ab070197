"""Ultralytics as its users have it: a process of its own, without anything of automl, and no network."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OFFLINE = {
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "0",
    "YOLO_VERBOSE": "0",
    "ULTRALYTICS_SKIP_REQUIREMENTS_CHECKS": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}


def plainly(code: str, folder: Path, **given: Any) -> Any:
    """Run code in a folder, with `given` as names; return what it leaves in `result`."""
    script = folder / "plain.py"
    end = "assert not {'objectives', 'spaces', 'search'} & {name.partition('.')[0] for name in sys.modules}"
    script.write_text(
        f"import json, sys\nglobals().update(json.loads(sys.argv[1]))\n{code}\n{end}\n"
        "open('result.json', 'w').write(json.dumps(result))\n"
    )
    environment = {**os.environ, **OFFLINE, "YOLO_CONFIG_DIR": str(folder)}
    line = [sys.executable, str(script), json.dumps(given)]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "result.json").read_text())
