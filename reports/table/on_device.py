"""A study of several devices as each of them has it: a table a device, with its latencies, front, gate and pick."""

from collections.abc import Sequence
from dataclasses import replace

from objectives.records.gate import Gate
from objectives.records.records import Latency
from objectives.records.trial_record import Phase
from reports.table.row import TrialRow, without_expected_latency
from reports.table.table import StudyTable, judged_rows
from spaces.errors import AutomlError, nearest

DEVICE_PART = "device."  # begins the part of a further device in the contract, before its name


def device_names(table: StudyTable) -> tuple[str, ...]:
    """Return the names of a study's devices, the one that is named first before the others."""
    return (str(table.record.device.get("name") or ""), *table.record.devices)


def tables_of(table: StudyTable) -> tuple[StudyTable, ...]:
    """Return a study as each of its devices has it, the first before the others; of one device, the table as it is."""
    return (table, *(on_device(table, name) for name in table.record.devices))


def on_device(table: StudyTable, name: str) -> StudyTable:
    """Return a study as one of its devices has it.

    Raises:
        AutomlError: the study has no such device.
    """
    if name == table.device_name:
        return table
    if name not in table.record.devices:
        known = device_names(table)
        hint = nearest(name, known)
        raise AutomlError(f"device: study '{table.name}' has no '{name}'{hint}; its devices: {', '.join(known)}")
    fingerprint = str(table.record.fingerprints.get(f"{DEVICE_PART}{name}") or "")
    gate, settled = table.record.gate.on(name), table.record.measured_fully_on
    rows = [row_on(row, name, fingerprint, settled.get(row.number, {}).get(name)) for row in table.rows]
    return replace(table, rows=tuple(judged_rows(rows, gate)), gate=gate, device=table.record.devices[name])


def passing_everywhere(tables: Sequence[StudyTable]) -> list[TrialRow]:
    """Return the trials that meet the gate of every device, as the first has them, the most accurate first."""
    passing = [{row.number for row in table.finished if row.passes_gate} for table in tables]
    everywhere = set.intersection(*passing)
    rows = [row for row in tables[0].finished if row.number in everywhere]
    return sorted(rows, key=lambda row: (-(row.map or 0.0), row.p50_ms or 0.0))


def everywhere_words(tables: Sequence[StudyTable]) -> str:
    """Return in a sentence which trial meets the gate on every device; empty for one device, or without a gate."""
    if len(tables) < 2 or any(table.gate == Gate() for table in tables) or not tables[0].finished:
        return ""
    found = passing_everywhere(tables)
    if not found:
        return "No trial meets the gate on every device."
    among = "the only one" if len(found) == 1 else f"the most accurate of {len(found):,}"
    return f"Trial {found[0].number} meets the gate on every device, {among}."


def row_on(row: TrialRow, name: str, fingerprint: str, settled: Latency | None = None) -> TrialRow:
    """Return a trial as a further device has it, not yet judged; without a latency where none was measured there.

    Args:
        row: the trial as the first device has it.
        name: of the device.
        fingerprint: of the device, as the study has it.
        settled: the trial's latency there by the full protocol, measured after its end.
    """
    latency, finished = settled or row.latencies.get(name), row.phase is Phase.FINISHED
    untrained = None if finished else row.latencies_untrained.get(name)
    known, resources = latency or untrained, row.resources
    if resources and known and known.file_bytes:  # the file that this device runs, which may be of another format
        resources = replace(resources, artifact_bytes=known.file_bytes)
    return replace(
        without_expected_latency(row),
        resources=resources,
        latency=latency,
        latency_untrained=untrained,
        objective_ms=latency.p50_ms if finished and latency else None,
        measured_fully=settled is not None,
        other_device=bool(known and fingerprint and known.device and known.device != fingerprint),
    )
