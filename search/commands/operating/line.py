"""A line of automl as a child of `automl operate`: `python -m search.commands.operating.line PARENT_PID WORDS...`.

It is `automl WORDS...`, and ends at once when the process that started it does.
"""

import sys
from importlib import import_module

from objectives.machine.parent_death import die_with_parent


def main() -> None:
    """Run the line."""
    die_with_parent(int(sys.argv[1]))
    sys.argv = ["automl", *sys.argv[2:]]
    # By name: the command line imports its commands, none of which imports it; and late: it takes a while.
    import_module("search.cli").main(prog_name="automl")


if __name__ == "__main__":
    main()
