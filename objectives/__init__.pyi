from .data.dataset import Dataset
from .data.formats.contract import Entry
from .data.readers import read_dataset
from .deploy.device import Device
from .latency.measure import measure_latency
from .latency.protocol import LatencyProtocol
from .records.gate import Gate
from .trial.job import TrialJob, TrialListener
from .trial.trial import run_trial

__all__ = [
    "Dataset",
    "Device",
    "Entry",
    "Gate",
    "LatencyProtocol",
    "TrialJob",
    "TrialListener",
    "measure_latency",
    "read_dataset",
    "run_trial",
]
