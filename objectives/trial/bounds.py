"""Whether a trial's bounds stop it before its training, by what was measured on its devices. No torch in here."""

from collections.abc import Mapping, Sequence

from objectives.records.bounds.figures import Figures
from objectives.records.bounds.quantities import Judged, said
from objectives.records.records import Latency
from objectives.trial.job import TrialJob


def stopped_by(job: TrialJob, found: Sequence[Latency]) -> dict[str, tuple[Judged, ...]]:
    """Return what stops a trial before its training: device ("" for the first) -> the bounds that it breaks there.

    Args:
        job: its devices, gate, and what the devices are wanted for.
        found: untrained latency on each device, in order.
    """
    first, *others = map(Figures.of, found)
    named = zip((device.name for device in job.more_devices), others, strict=True)
    return job.gate.stopped_by(first, dict(named), on_all=job.on_all)


def stopped_words(job: TrialJob, found: Sequence[Latency], broken: Mapping[str, tuple[Judged, ...]]) -> str:
    """Return in one line what stops a trial; of several devices each is named."""
    parts = []
    for place, (device, latency) in enumerate(zip(job.devices, found, strict=True)):
        if judged := broken.get(device.name if place else ""):
            what = f"p50 {latency.p50_ms:.1f} ms, p95 {latency.p95_ms:.1f} ms untrained"
            on = f" on {device.name}" if job.more_devices else ""
            parts.append(f"{what}{on}; breaks {said(judged)}")
    return "; ".join(parts)
