"""Facts of the page: the machines that searched a study."""

from dataclasses import replace
from typing import Any

from objectives.machine.card import MachineCard
from objectives.records import attributes
from objectives.records.study_record import SessionRecord
from reports.page.facts import provenance
from reports.table.table import read_trials


def machines(*cards: MachineCard | None) -> list[str]:
    """Return the machines that are named for a study of these sessions, in the order in which they came."""
    sessions: dict[str, Any] = {
        f"{attributes.SESSION}{key}": SessionRecord("host", 1, "/runs", [[0.0, 1.0]], machine=card).to_json()
        for key, card in enumerate(cards)
    }
    return [fact.value for fact in provenance(read_trials("s", [], sessions)) if fact.label == "machine"]


def test_each_machine_is_named_once() -> None:
    slow = MachineCard("anvil", 2, 8000, None, 0, "AMD EPYC, 2 cores")
    fast = MachineCard("forge", 16, 128000, "NVIDIA A100-SXM4-80GB", 80000, "NVIDIA A100-SXM4-80GB")
    slow_words = "anvil: AMD EPYC, 2 cores, 8 GB"
    assert machines(slow, fast, slow) == [slow_words, "forge: NVIDIA A100-SXM4-80GB (80 GB), 16 cores, 128 GB"]


def test_sessions_of_an_older_automl_name_none() -> None:
    assert machines(None) == []


def test_what_holds_nothing_is_no_line_and_what_is_nested_reads_as_words() -> None:
    splits = {"val": {"images": 6, "per_class": {"can": 3, "jar": 0}}}
    table = replace(
        read_trials("s", [], {}), data={"name": "d", "splits": splits}, fingerprints={"gate": "{}", "space": "7932"}
    )
    said = {fact.label: fact.value for fact in provenance(table)}
    assert "fingerprint of gate" not in said
    assert said["fingerprint of space"] == "7932"
    assert said["split val"] == "images 6, per_class can 3, jar 0"
