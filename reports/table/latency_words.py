"""A latency in words: whether it is stable, when it was measured, what batches bring."""

from objectives.records.records import Latency
from reports.table.words import number


def state_words(latency: Latency) -> str:
    """Return 'stable', or 'unstable: why'."""
    return "stable" if latency.stable else f"unstable: {latency.note}"


def kept_words(latency: Latency) -> str:
    """Return 'kept since 2026-11-26 05:27 UTC' of a figure from the book of latencies, and who measured for others.

    Empty for a figure that was measured just for this, by the machine that asked.
    """
    kept = f"kept since {when_words(latency.measured_at)}" if latency.kept else ""
    by = f"measured by {latency.measured_by}" if latency.measured_by else ""
    return ", ".join(words for words in (by, kept) if words)


def when_words(stamp: str) -> str:
    """Return '2026-11-26 05:27 UTC' of '2026-11-26T05:27:10Z'."""
    return f"{stamp[:16].replace('T', ' ')} UTC"


def batches_words(latency: Latency) -> str:
    """Return '836 images/s at batch 8'; empty where that was not measured."""
    if latency.images_per_s is None:
        return ""
    note = f" ({latency.batch_note})" if latency.batch_note else ""
    return f"{number(latency.images_per_s)} images/s at batch {latency.best_batch}{note}"


def measured_words(latency: Latency) -> str:
    """Return the percentiles, and what there is to say beside them: what batches bring, since when they are kept."""
    percentiles = f"p50 {latency.p50_ms:.2f} ms  p95 {latency.p95_ms:.2f} ms"
    return ", ".join(words for words in (percentiles, batches_words(latency), kept_words(latency)) if words)
