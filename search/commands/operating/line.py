"""A line of automl as a child of `automl operate`: `python -m search.commands.operating.line PARENT_PID WORDS...`.

It is `automl WORDS...`, and ends at once when the process that started it does.
"""

import sys

from objectives.machine.parent_death import die_with_parent


def main() -> None:
    """Run the line."""
    die_with_parent(int(sys.argv[1]))
    sys.argv = ["automl", *sys.argv[2:]]
    from search.cli import main as automl  # late: imports take a while, in which the parent may end

    automl(prog_name="automl")


if __name__ == "__main__":
    main()
