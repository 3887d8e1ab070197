"""Commands about pipelines: `automl operate`, `automl rollback`."""

import click

from search.command_line import guarded


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("overrides", nargs=-1)
@click.option("--once/--stay", "once", default=True, help="Look once and do what is due, or stay.  [default: once]")
@click.option("--every", "every_s", default=60.0, show_default=True, help="With --stay: seconds between two looks.")
@click.option("--dry-run", is_flag=True, help="Say what would be done now, and why; change nothing.")
@click.option("--begin", "why", default=None, metavar="WHY", help="Begin a round now, by hand.")
@click.option("--give-up", default=None, metavar="WHY", help="End the round that is under way without a new version.")
@click.option("--now", default=None, metavar="TIME", help="Look as of this moment (ISO 8601, UTC): for replays.")
@click.option("--log-format", type=click.Choice(["plain", "json"]), default="plain", show_default=True)
@guarded
def operate(
    overrides: tuple[str, ...],
    once: bool,
    every_s: float,
    dry_run: bool,
    why: str | None,
    give_up: str | None,
    now: str | None,
    log_format: str,
) -> None:
    """Operate a pipeline: look once at what has come, and do what is due; the same line goes on after a crash.

    OVERRIDES: pipeline=NAME or pipeline=PATH picks a preset of conf/pipeline; the rest is Hydra's override grammar.
    """
    from search.commands.operating.operate import ByHand, run_operate

    by_hand = ByHand(begin=why, give_up=give_up)
    run_operate(list(overrides), by_hand, once=once, every_s=every_s, dry_run=dry_run, now=now, form=log_format)


@click.command()
@click.argument("overrides", nargs=-1, required=True, metavar="NAME [OVERRIDES]...")
@click.option("--to", "version", default=None, help="The version that is to serve; the one before by default.")
@click.option("--why", default="", help="Kept in the lineage.")
@click.option("--now", default=None, metavar="TIME", help="As of this moment (ISO 8601, UTC): for replays.")
@guarded
def rollback(overrides: tuple[str, ...], version: str | None, why: str, now: str | None) -> None:
    """Roll a deployment back, by hand: the pointer moves at once, a shadow or canary ends.

    NAME: a preset of conf/pipeline, or a path of one; or folder/NAME of a pipeline.
    """
    from search.commands.operating.rollback import run_rollback

    run_rollback(list(overrides), version=version, why=why, now=now)


PIPELINE_COMMANDS = (operate, rollback)
