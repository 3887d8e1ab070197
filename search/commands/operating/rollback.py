"""`automl rollback`: another version serves, by hand."""


def run_rollback(arguments: list[str], *, version: str | None, why: str, now: str | None) -> None:
    """Roll a deployment back."""
    raise NotImplementedError
