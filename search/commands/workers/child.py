"""The process of one worker: `python -m search.commands.workers.child PARENT_PID ARGUMENTS...`, begun by its task.

Those arguments are for people who list processes, without passwords; those that count come by standard input. It is
`automl search ARGUMENTS`, ends when the thread that started it does, and leaves the page to whoever started all.
"""

import json
import signal
import sys

from objectives.machine.parent_death import die_with_parent
from spaces.errors import AutomlError


def main() -> None:
    """Search as the line says; a mistake is one line and exit code 2, as on the command line."""
    die_with_parent(int(sys.argv[1]), signal.SIGTERM)  # politely: the search gives its trials back
    arguments: list[str] = json.load(sys.stdin)
    sys.argv = ["automl", "search", *arguments]  # of what the study keeps
    from search.commands.search import run_search  # late: imports take a second, in which the parent may end

    try:
        run_search(arguments, "plain", is_worker=True)
    except (AutomlError, OSError) as error:
        sys.stderr.write(f"automl: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
