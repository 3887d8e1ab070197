"""Records: JSON round trips, an older and a newer writer's keys."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.records.records import Accuracy, ClassAccuracy, Ending, Latency, Outcome, Record, Resources, Rung

number = st.floats(0, 1e6)
text = st.text(max_size=10)
classes = st.builds(ClassAccuracy, map=number, map50=number, boxes=st.integers(0, 999))
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(Latency),
    classes,
    st.builds(Accuracy, map=number, map50=number, per_class=st.dictionaries(text, classes, max_size=3)),
    st.builds(Rung, seconds=number, loss=number, map=number, map50=number),
    st.builds(Resources, seconds=st.dictionaries(text, number, max_size=3)),
    st.builds(Ending, outcome=st.sampled_from(Outcome), reason=text, error_class=text),
).filter(lambda record: "NaN" not in json.dumps(record.to_json()))


@given(records)
def test_json_brings_every_record_back(record: Record) -> None:
    values = json.loads(json.dumps(record.to_json()))
    again = type(record).from_json(values)
    assert again == record
    newer = {**values, "invented_later": 1}
    assert type(record).from_json(newer) == record
    assert set(values) == {f.name for f in fields(record)}  # type: ignore[arg-type]  # every record is a dataclass


def test_a_missing_key_is_an_error() -> None:
    with pytest.raises(ValueError, match="missing required field `map50`"):
        ClassAccuracy.from_json({"map": 0.5})


def test_an_older_writers_record_gets_the_defaults() -> None:
    assert Resources.from_json({"parameters": 3}) == Resources(parameters=3)
    assert Ending.from_json({"outcome": "finished", "reason": ""}).error_class == ""
    assert Ending.from_json({"outcome": "finished", "reason": ""}).outcome == Outcome.FINISHED
