"""A packed record is the record: each field, with other values, as another kind, copied; and a fraction of its size."""

import copy
import pickle
import random
from dataclasses import fields, replace
from datetime import datetime

import pytest
from conftest import give_reasons, make_trial

from objectives.records.stored.packed import Packer, changed, extended
from objectives.records.trial_record import PACKED, TrialRecord, read_trial
from reports.table.row import TrialRow


@pytest.fixture(scope="module")
def records() -> list[TrialRecord]:
    rng, made = random.Random(0), []
    for number in range(40):
        made.append(make_trial(number, rng, datetime.now()))
        give_reasons(made[-1], rng)
    return [read_trial(trial) for trial in made]


def test_a_packed_record_is_the_record(records: list[TrialRecord]) -> None:
    packer = Packer(PACKED)
    for record in records:
        packed = packer.pack(record)
        assert isinstance(packed, TrialRecord)
        assert packed == record == packed
        assert packed.figures_judged == record.figures_judged
        assert packed.stages_s == record.stages_s
        assert copy.copy(packed) == pickle.loads(pickle.dumps(packed)) == record
    assert packer.pack(records[0]) != records[1]


def test_other_values_make_another_record(records: list[TrialRecord]) -> None:
    packed = Packer(PACKED).pack(records[0])
    assert replace(packed, rungs=(), map=0.1) == replace(records[0], rungs=(), map=0.1)
    assert changed(packed, map=0.1) == changed(records[0], map=0.1) == replace(records[0], map=0.1)
    assert packed == records[0]


def test_a_row_of_a_packed_record_is_packed_too(records: list[TrialRecord]) -> None:
    packed = extended(Packer(PACKED).pack(records[0]), TrialRow, removed=("weights.pt",))
    plain = extended(records[0], TrialRow, removed=("weights.pt",))
    assert isinstance(packed, TrialRow)
    assert packed == plain
    assert changed(packed, on_front=True) == replace(plain, on_front=True)
    assert not {field.name for field in fields(TrialRecord) if field.name in vars(packed)} & set(PACKED)


def test_what_is_packed_is_a_fraction(records: list[TrialRecord]) -> None:
    packer = Packer(PACKED)
    packer.pack(records[0])
    sizes = [len(vars(packer.pack(record))["_rest"].packed) for record in records[1:]]
    plain = [len(pickle.dumps([getattr(record, name) for name in PACKED])) for record in records[1:]]
    assert sum(sizes) < 0.6 * sum(plain)
