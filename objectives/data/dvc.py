"""What DVC knows of a data set: the hashes that its files and locks give, recorded beside the fingerprint."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

LOCK = "dvc.lock"
DVC_BYTES_MAX = 10_000_000  # of a file of DVC's; larger ones are something else
HASHES = ("md5", "etag", "checksum", "hash")


def dvc_hashes(root: Path) -> dict[str, str]:
    """Return file of DVC's and path of output -> hash, for outputs that hold a folder, are it, or lie in it.

    Looked at are `*.dvc` and `dvc.lock` in the folder and above it, up to the repository's root. Nothing of DVC's is
    needed or run, and what cannot be read is passed over: the fingerprint stands without it.

    Args:
        root: folder of the data set.
    """
    root = root.absolute()
    found = {}
    for folder in (root, *root.parents):
        for path in sorted([*folder.glob("*.dvc"), folder / LOCK]):
            for output in _outputs(path):
                place = folder / str(output.get("path", ""))
                if place.is_relative_to(root) or root.is_relative_to(place):
                    found[f"{path}: {output['path']}"] = next(str(output[key]) for key in HASHES if key in output)
        if (folder / ".dvc").is_dir() or (folder / ".git").exists():
            break
    return found


def _outputs(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the outputs that a file of DVC's lists, each with a path and a hash."""
    if not path.is_file() or path.stat().st_size > DVC_BYTES_MAX:
        return
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return
    stages = content.get("stages") if path.name == LOCK and isinstance(content, dict) else {"": content}
    for stage in stages.values() if isinstance(stages, dict) else ():
        outputs = stage.get("outs") if isinstance(stage, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            if isinstance(output, dict) and "path" in output and any(key in output for key in HASHES):
                yield output
