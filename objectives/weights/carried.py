"""What files of weights say of the training that they come from, read as data in a process of its own.

The commands of a search bring no torch along, which reads such files: see `objectives.weights.carried_process`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from spaces.errors import SpaceError


def main() -> None:
    """Read the files that the list on standard input names; the last line of the output is JSON, a record for each."""
    paths = json.loads(sys.stdin.read())
    sys.stdout.write(json.dumps([_carried(Path(path)) for path in paths]) + "\n")


def _carried(path: Path) -> dict[str, Any]:
    from spaces.network.checkpoint_file import read_checkpoint

    try:
        checkpoint = read_checkpoint(path)
    except SpaceError as error:
        return {"why_not": str(error)}
    return {"arguments": dict(checkpoint.arguments), "detector": checkpoint.detector}


if __name__ == "__main__":
    main()
