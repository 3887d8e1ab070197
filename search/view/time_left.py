"""stub"""
from dataclasses import dataclass
@dataclass(frozen=True)
class TimeLeft:
    wordings: tuple[str, ...]
def time_left_of(used, settings, running_s):
    return TimeLeft(("about 13 min left (9 to 20 min)","9 to 20 min left"))
