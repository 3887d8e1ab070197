"""Commands about a search that goes on: `automl browse`, `pause`, `continue`, `stop`, `try`, `note`."""

import click

from search.command_line import RUNS, STORE, guarded


@click.command()
@click.argument("names", nargs=-1, metavar="[STUDY]...")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; others reach 0.0.0.0.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any that is free.")
@click.option("--open/--no-open", "opens", default=True, help="Open the page in a browser here.  [default: open]")
@RUNS
@STORE
@guarded
def browse(names: tuple[str, ...], host: str, port: int, opens: bool, folder: str, store: str | None) -> None:
    """Browse studies, live: the front as it grows, each trial, and what may be asked of the search.

    Without a name all studies of the folder (or of the store). Reading needs nothing; what changes a study needs the
    token of the address that is printed.
    """
    from search.commands.live.browse import run_browse

    run_browse(names, folder, store, host=host, port=port, opens=opens)


@click.command()
@click.argument("name")
@RUNS
@STORE
@guarded
def pause(name: str, folder: str, store: str | None) -> None:
    """Pause a search: its trials stop at their last checkpoints, and its processes wait for `automl continue`."""
    from search.commands.live.ask import run_pause

    run_pause(name, folder, store)


@click.command(name="continue")
@click.argument("name")
@RUNS
@STORE
@guarded
def go_on(name: str, folder: str, store: str | None) -> None:
    """Let a search go on that was paused."""
    from search.commands.live.ask import run_continue

    run_continue(name, folder, store)


@click.command()
@click.argument("name")
@click.argument("number", type=int)
@click.option("--why", default="", help="Kept with the trial.")
@RUNS
@STORE
@guarded
def stop(name: str, number: int, why: str, folder: str, store: str | None) -> None:
    """Stop a trial that runs, waits or is paused; the search goes on without it."""
    from search.commands.live.ask import run_stop

    run_stop(name, number, why, folder, store)


@click.command(name="try")
@click.argument("name")
@click.argument("choices", nargs=-1, metavar="[DIMENSION=VALUE]...")
@click.option("--like", type=int, default=None, metavar="TRIAL", help="Choices that are not given are this trial's.")
@RUNS
@STORE
@guarded
def try_next(name: str, choices: tuple[str, ...], like: int | None, folder: str, store: str | None) -> None:
    """Ask for a candidate: the search begins it before any of its own.

    Choices that neither the line nor --like gives are the sampler's.
    """
    from search.commands.live.ask import run_try

    run_try(name, choices, like, folder, store)


@click.command()
@click.argument("name")
@click.argument("number", type=int)
@click.argument("text")
@RUNS
@STORE
@guarded
def note(name: str, number: int, text: str, folder: str, store: str | None) -> None:
    """Note something on a trial, for whoever reads the study; an empty text takes the note away."""
    from search.commands.live.ask import run_note

    run_note(name, number, text, folder, store)


COMMANDS = (browse, pause, go_on, stop, try_next, note)
