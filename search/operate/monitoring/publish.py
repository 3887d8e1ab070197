"""What a look lets others see: the page, metrics for Prometheus, alerts of what it has found."""

from collections.abc import Callable
from pathlib import Path

from reports.operate.page import write_pipeline_page
from search.operate.context import OperateContext
from search.operate.journal.state import PipelineState
from search.operate.monitoring.alerts import alert
from search.operate.monitoring.findings import Look, findings, last_look
from search.operate.monitoring.metrics import (
    MetricsEndpoint,
    counts_by_status,
    pipeline_metrics,
    write_metrics,
)
from search.operate.monitoring.page_data import page_data
from search.operate.watching.contract import Watched
from spaces.errors import AutomlError, first_line

__all__ = ["alert", "publish"]


def publish(
    context: OperateContext, state: PipelineState, watched: Watched | None, *, endpoint: MetricsEndpoint | None = None
) -> list[str]:
    """Alert of what a look has found, and write page and metrics; what fails here fails no look.

    Args:
        context: of the look.
        state: of the pipeline, at the end of the look.
        watched: what the look has watched; None where it has not come so far: the last one that is recorded counts.
        endpoint: with --stay and `monitoring.listen`.

    Returns:
        Lines about what could not be written or sent.
    """
    look = watched.to_json() if watched else last_look(state)
    problems = []
    for about, line in findings(look).items() if watched else ():
        sent = alert(context, line, about=about)
        if " failed: " in sent:
            problems.append(f"alert: {sent}")
    state = context.journal.state()
    problems += _tried("page", lambda: write_pipeline_page(page_data(context, state, look), context.paths.page))
    return [*problems, *_tried("metrics", lambda: _metrics(context, state, look, endpoint))]


def _metrics(context: OperateContext, state: PipelineState, look: Look, endpoint: MetricsEndpoint | None) -> None:
    target = context.settings.monitoring.prometheus
    if target is None and endpoint is None:
        return
    counts = counts_by_status(image.status for image in context.journal.images())
    metrics = pipeline_metrics(context.settings.name, state, counts, look, context.now)
    if endpoint is not None:
        endpoint.collector.show(metrics)
    if target is not None:
        write_metrics(Path(target).expanduser(), metrics)


def _tried(what: str, write: Callable[[], None]) -> list[str]:
    try:
        write()
    except (OSError, AutomlError) as error:  # a full disk, a folder that is not ours
        return [f"{what}: not written ({first_line(error)})"]
    return []
