"""A study's tables as pandas' DataFrames; pandas is an extra, imported when one is asked for."""

from typing import TYPE_CHECKING, Any, Literal

from reports.notebook.values import RUNG_COLUMNS, TRIAL_COLUMNS, rung_values, table_values
from reports.table.on_device import on_device
from reports.table.table import StudyTable
from spaces.errors import AutomlError, first_line, nearest

if TYPE_CHECKING:
    import pandas as pd

FrameKind = Literal["front", "trials", "rungs"]
FRAMES = ("front", "trials", "rungs")
DTYPES = {int: "Int64", bool: "boolean", float: "float64"}  # of pandas: whole numbers and truths may be missing


def frame(study: StudyTable, what: FrameKind = "front", *, device: str | None = None) -> "pd.DataFrame":
    """Return a table of a study as a DataFrame, units in the names of its columns.

    Args:
        study: as of `search.read_study`, or what a search returned.
        what: "front", its members, the fastest first; "trials", all trials; both by number of the trial, with a column
            for each dimension of the space. "rungs": what was seen at each evaluated epoch, by trial and epoch.
        device: of a study of several devices: whose latencies, front and gate; None for the one named first.

    Raises:
        AutomlError: there is no such table or device, or pandas is not installed.
    """
    if what not in FRAMES:
        raise AutomlError(f"frame: unknown table '{what}'{nearest(what, FRAMES)}; known: {', '.join(FRAMES)}")
    table = study if device is None else on_device(study, device)
    pandas = _pandas()
    if what == "rungs":
        made = pandas.DataFrame(list(rung_values(table)), columns=list(RUNG_COLUMNS))
        index, kinds = ["trial", "epoch"], RUNG_COLUMNS
    else:
        rows = table_values(table, table.front if what == "front" else table.rows)
        made = pandas.DataFrame(rows, columns=None if rows else ["trial", *TRIAL_COLUMNS])
        index, kinds = ["trial"], {"trial": int, **TRIAL_COLUMNS}
    typed = made.astype({name: DTYPES[kind] for name, kind in kinds.items() if kind in DTYPES})
    typed = typed.astype(dict.fromkeys(index, "int64")).set_index(index)
    typed.attrs = {"study": table.name, "table": what, "device": table.device_name}
    return typed


def _pandas() -> Any:
    """Return pandas.

    Raises:
        AutomlError: it is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise AutomlError(
            f"frame: pandas is not installed ({first_line(error)}); pip install 'automl[notebook]'"
        ) from error
    return pd
