"""`automl latency --clean`: all that is ours leaves a board."""

from collections.abc import Sequence

from objectives.machine.remote.copying import clean
from objectives.machine.remote.faults import RemoteBoard
from objectives.machine.remote.line import BoardLine
from reports.table.console import open_console
from reports.table.words import plural
from search.settings.settings import load_settings
from spaces.errors import SettingsError


def run_clean(arguments: Sequence[str]) -> None:
    """Remove the measuring folder, inputs, calm times and the lock from the board of a device.

    Raises:
        SettingsError: the device is no board's.
        DeviceAway: a study measures there, or the board cannot be reached.
    """
    device = load_settings(arguments).device
    if device.host is None:
        raise SettingsError(
            f"--clean: removes what automl has put on a board, and device={device.name} is this machine; "
            "give device=ssh device.host=..."
        )
    with BoardLine(RemoteBoard(device.host, device.python, device.name)) as line:
        files, size = clean(line)
    found = f"{plural(files, 'file')}, {size / 1e6:.1f} MB" if files else "there was nothing"
    text = f"board '{device.host}': ~/.cache/automl/board removed ({found})"
    open_console(highlight=False, soft_wrap=True).print(text)
