"""A latency in words: kept or not, with batches or without."""

from dataclasses import replace

from objectives.records.records import Latency
from reports.table.latency_words import batches_words, kept_words, measured_words, state_words

FRESH = Latency(2.0, 2.5, 1.9, 2.1, 1.5, 300, 1.2, True, "", "d", 0, measured_at="2026-11-26T05:27:10Z")


def test_only_what_there_is_to_say_is_said() -> None:
    assert (state_words(FRESH), measured_words(FRESH)) == ("stable", "p50 2.00 ms  p95 2.50 ms")
    assert measured_words(Latency.from_json({**FRESH.to_json(), "measured_at": ""})) == measured_words(FRESH)
    kept = replace(FRESH, kept=True).with_batches(835.8, 8, "no batch of 16: memory is short")
    assert kept_words(kept) == "kept since 2026-11-26 05:27 UTC"
    assert batches_words(kept) == "836 images/s at batch 8 (no batch of 16: memory is short)"
    assert measured_words(kept) == f"{measured_words(FRESH)}, {batches_words(kept)}, {kept_words(kept)}"
    assert state_words(replace(FRESH, stable=False, note="processes differ")) == "unstable: processes differ"
