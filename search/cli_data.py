"""`automl data ...` on the command line: a data set's card, check and push, and the errors of a detector on it."""

import click

from search.command_line import RUNS, STORE, DataGroup, guarded


@click.group(cls=DataGroup)
def data() -> None:
    """Read the data set of a search and say what is in it, what is wrong with it, or what a detector gets wrong on it.

    \b
    automl data conf=retail data.root=~/shelves         the card: classes, images and boxes by split
    automl data check conf=retail data.root=~/shelves   what would spoil the scores
    automl data errors retail --pick best               a detector's errors, and the labels that it doubts
    automl data push conf=retail ... store.artifacts=   to where a study's machines fetch it from
    """


@data.command(hidden=True)
@click.argument("overrides", nargs=-1)
@guarded
def card(overrides: tuple[str, ...]) -> None:
    """Say what is in the data set (what `automl data` does)."""
    from search.commands.data_set.card import run_data

    run_data(list(overrides))


@data.command()
@click.argument("overrides", nargs=-1)
@guarded
def check(overrides: tuple[str, ...]) -> None:
    """Look for what is wrong with the data set; exit code 1 if its scores would be wrong.

    OVERRIDES: those of the search; format=yaml or format=json instead of lines for people; page=FILE writes an HTML
    page with pictures of what was found. The codes of findings: docs/data.md.
    """
    from search.commands.data_set.check import run_check

    run_check(list(overrides))


@data.command()
@click.argument("overrides", nargs=-1)
@guarded
def push(overrides: tuple[str, ...]) -> None:
    """Push the data set to store.artifacts, for machines of a study that do not have it (docs/files.md).

    OVERRIDES: those of the search, with store.artifacts=s3://BUCKET/PREFIX or a shared folder.
    """
    from search.commands.data_set.push import run_push

    run_push(list(overrides))


@data.command()
@click.argument("where")
@click.argument("words", nargs=-1, metavar="[TRIAL] [OVERRIDES]...")
@click.option("--pick", default=None, help="gate (the default), knee, fastest, best, or a trial's number; of a study.")
@click.option("--to", "target", default=None, help="The folder to write; by default beside the detector.")
@click.option("--unlabelled", metavar="FOLDER", default=None, help="Rank its images: which to label next.")
@RUNS
@STORE
@guarded
def errors(
    where: str,
    words: tuple[str, ...],
    pick: str | None,
    target: str | None,
    unlabelled: str | None,
    folder: str,
    store: str | None,
) -> None:
    """Show what a trained detector gets wrong on a split, and the labels that it doubts.

    WHERE: a study, or an export folder (or its folder `trained`). OVERRIDES: split=val, data.root=PATH,
    data.format=NAME, device=cpu, confidence=0.25. Writes a page with pictures, and COCO JSON of the doubtful labels and
    of all detections. See docs/errors.md.
    """
    from search.commands.data_set.errors import run_errors

    run_errors(where, words, pick=pick, folder=folder, store=store, target=target, unlabelled=unlabelled)
