"""The fork server of trials: it adopts their orphans, and ends all below it when the searching process ends.

`multiprocessing` has no other way into its server than a module that it imports first, so importing this one acts.
Nothing else may import it.
"""

import os
import signal
import warnings
from types import FrameType

from objectives.machine.parent_death import adopt_orphans, die_with_parent
from objectives.machine.process_tree import kill_below


def _end_all(_number: int, _frame: FrameType | None) -> None:
    kill_below(os.getpid())
    os._exit(0)


adopt_orphans()
signal.signal(signal.SIGTERM, _end_all)
die_with_parent(by=signal.SIGTERM)
warnings.filterwarnings("ignore", message="forkserver: waitpid")  # an orphan is no child that it knows
