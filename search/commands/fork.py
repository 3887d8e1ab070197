"""`automl search --fork NEW_NAME`: the fork is made, if it is not there yet, and the line is one of the fork's."""

from reports.table.console import labelled, open_console
from reports.table.progress import counting
from search.commands.search import checked_settings
from search.settings.checks.gate_check import gate_notes
from search.settings.compose import name_override
from search.settings.dataset import load_data
from search.study.folder.prepare import prepared_folder
from search.study.fork import ensure_fork, forked_settings


def forked_line(arguments: list[str], name: str, log_format: str = "auto") -> list[str]:
    """Fork the study that a line names, unless that was done before, and return the line that searches the fork.

    Args:
        arguments: the line; its settings are the fork's, its name is the old study's.
        name: the fork's.
        log_format: with json, standard output is the events' alone.

    Raises:
        AutomlError: the line is wrong, there is no old study, the name is taken, the gate cannot be judged on the data
            set, or scores on a data set that is not the old study's would be wrong.
    """
    settings = checked_settings(arguments)
    new = forked_settings(settings, name)
    with counting(open_console(stderr=True), "looking at images") as show:
        dataset = load_data(settings.data, show)
    gate_notes(new, dataset)  # before the fork is made: its gate cannot be changed any more; the search shows the notes
    console = open_console(stderr=log_format == "json")
    with prepared_folder(new) as claims, claims.alone():
        made = ensure_fork(settings, new, dataset, lambda line: console.print(line, highlight=False, soft_wrap=True))
    if made:
        console.print(labelled("fork", str(made), 7), soft_wrap=True)
    return [*(argument for argument in arguments if not argument.startswith("name=")), name_override(name)]
