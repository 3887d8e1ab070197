"""What an export ships: a trial of a study with its files, and the lineage that goes with it."""

from dataclasses import dataclass, replace
from typing import Any

from objectives.records.gate import OF_DEVICE, Gate
from objectives.records.paths import ExportPaths
from objectives.records.records import Latency
from reports.table.baseline import against_baseline
from reports.table.kin.family_words import is_converted
from reports.table.proof.shipped import proven_json
from reports.table.proof.start import goes_on
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.register.lineage import LINEAGE_FORMAT, files_card, gate_card, origins
from spaces.network.family import FP32, Family, is_of_many, precision_of, slim_ratios

RANGES = "what ranges it needs taken from training images"


@dataclass(frozen=True)
class Exported:
    """What is exported.

    Attributes:
        table: the study.
        row: the trial whose files ship: after a proof a training of it.
        trained: the trial whose epochs the detector has seen: of a child, also a polished one, its parent.
        full: latency by the full protocol, of one of a family, whose figure in the search is a quick one.
        why_quick: why that could not be measured.
        tables: the study as each of its devices has it; `table` is that of the device that is exported for.
    """

    table: StudyTable
    row: TrialRow
    trained: TrialRow
    full: Latency | None = None
    why_quick: str = ""
    tables: tuple[StudyTable, ...] = ()

    @property
    def others(self) -> tuple[StudyTable, ...]:
        """The study as its other devices have it."""
        return tuple(one for one in self.tables if one.device_name != self.table.device_name)

    @property
    def gate(self) -> Gate:
        """The gate with the device that is exported for as its first."""
        bounds = {one.device_name: one.gate.to_json() for one in self.others}
        own = {name: {key: of[key] for key in OF_DEVICE if of[key] is not None} for name, of in bounds.items()}
        return replace(self.table.gate, devices={name: found for name, found in own.items() if found} or None)

    @property
    def chosen(self) -> TrialRow:
        """The trial as it was in the search."""
        return self.row if self.row.proves is None else self.table.row(self.row.proves)

    @property
    def keeps_weights(self) -> bool:
        """Whether a training at full length goes on from the weights: of one of a family, or a polish."""
        return goes_on(self.chosen, self.table.rows)

    @property
    def cut(self) -> str:
        """What of the network of the description the weights lack, in one line; empty if they are of all of it."""
        ratios = slim_ratios(self.row.candidate)
        parts = ", ".join(f"{share:.0%} of {part}" for part, share in ratios.items())
        return f"the weights are of this network without {parts} (channels, in multiples of 8)" if ratios else ""

    @property
    def by_full(self) -> TrialRow:
        """The row with the latency by the full protocol, where that was measured for the export."""
        full = self.full
        return self.row if full is None else replace(self.row, latency=full, objective_ms=full.p50_ms)


def export_lineage(what: Exported, paths: ExportPaths) -> dict[str, Any]:
    """Return the lineage of an export whose other files are there."""
    table, row = what.table, what.row
    return {
        "format": LINEAGE_FORMAT,
        "study": table.name,
        "trial": row.number,
        **_origin(what),
        **_beside_baseline(what),
        **files_card(sorted(paths.folder.iterdir())),
        **origins(table, row),
        "fingerprints": dict(table.fingerprints),
        "provenance": dict(table.provenance),
        "settings": dict(table.settings),
        "device": dict(table.device),
        **_on_devices(what),
        "gate": gate_card(table.gate, what.by_full.figures_judged),
        **row.figures(),
        **proven_json(table, row),
    }


def _on_devices(what: Exported) -> dict[str, Any]:
    """Return each device with the latency there and what its gate says of it; nothing in a study of one device."""
    if not what.others:
        return {}
    found = {}
    for one in what.tables:
        row = what.by_full if one.device_name == what.table.device_name else one.row(what.row.number)
        found[one.device_name] = {
            "device": dict(one.device),
            "latency": row.latency.to_json() if row.latency else None,
            "gate": gate_card(one.gate, row.figures_judged),
        }
    return {"devices": found}


def _beside_baseline(what: Exported) -> dict[str, Any]:
    """Return what the study found against its baseline, this trial as the pick; nothing in a study without one."""
    against = against_baseline(what.table, what.chosen if what.row.is_proof else what.by_full)
    return {"baseline": against.to_json()} if against else {}


def _of_child(what: Exported) -> str:
    """Return how a child was made without any training."""
    row, family = what.row, what.table.family(what.row.parent if what.row.parent is not None else -1)
    if is_converted(row, family):
        return f"the file of trial {row.parent} in {precision_of(row.candidate)}, {RANGES}, never trained itself"
    quantised = "" if precision_of(row.candidate) == FP32 else f", converted to {precision_of(row.candidate)}"
    return (
        f"a child of the elastic training of trial {row.parent}: cut from its weights, batch-norm statistics taken "
        f"anew on training images{quantised}, never trained itself"
    )


def _origin(what: Exported) -> dict[str, Any]:
    """Return what is special about a child, an elastic training, a polish or what was carried; nothing of any other."""
    row = what.row
    found: dict[str, Any] = {}
    if row.is_proof:
        found["proves"] = row.proves
        going_on = "from its weights, " if what.keeps_weights else ""
        found["origin"] = f"trained again {going_on}as trial {row.proves}, with seed {row.seed}, in a proof"
    elif row.is_child:
        found["parent"] = row.parent
        found["origin"] = _of_child(what)
    elif row.is_polish:
        found["polishes"] = row.polishes
        found["origin"] = f"trained on, as one detector, from the weights of trial {row.polishes}"
    elif row.carried is not None:
        found["carried"] = row.carried.to_json()
        found["origin"] = f"carried along from {row.carried.source} ({row.carried.origin}): scored here, not trained"
    elif is_of_many(row.family):
        size = Family.from_json(row.family).size
        found["origin"] = f"the whole network of an elastic training of {size:,} detectors"
    full = row.latency if row.measured_fully else what.full  # the search may have had the time for it
    if full or what.why_quick:
        found["latency_full"] = full.to_json() if full else None
    if what.why_quick:
        found["latency_full_missing"] = what.why_quick
    return {**found, "network": what.cut} if what.cut else found
