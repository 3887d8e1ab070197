"""`automl operate`: one look at a pipeline, or many."""


def run_operate(
    arguments: list[str], *, once: bool, every_s: float, dry_run: bool, why: str | None, now: str | None, form: str
) -> None:
    """Operate the pipeline that a line names."""
    raise NotImplementedError
