"""What is known of a candidate's latency before its trial begins, by which device's latency the engine goes."""

from search.engine.steering import OnDevices, WorstDevice
from search.settings.settings import Settings
from search.study.stored_trial import StoredTrial


def steering_of(settings: Settings) -> WorstDevice | None:
    """Return by which of several devices the engine steers; None for the one that is named first."""
    names = [device.name for device in settings.targets[1:]]
    return WorstDevice.of(settings.gate, names) if settings.is_for_all else None


def record_untrained(trial: StoredTrial, found: OnDevices) -> None:
    """Record what was measured of a trial's network before it is trained."""
    for device, latency in found.others.items():
        trial.record_latency_on(device, latency, trained=False)
    trial.record_latency(found.first, trained=False)
