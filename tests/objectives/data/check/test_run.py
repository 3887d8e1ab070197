"""All checks together: whatever boxes hold, nothing is raised, and each finding has a place."""

from hypothesis import given, settings
from hypothesis import strategies as st
from subjects import entry, picture, subject

from objectives.data.check.run import CHECKS, QUICK_CHECKS, run_checks
from objectives.data.check.subject import CheckedImage
from objectives.data.codes import CODES, Severity

CARD = {"name": "set", "root": "/set", "classes": ["can", "jar"], "splits": {}}
NUMBERS = st.one_of(st.floats(), st.sampled_from([0.0, -1.0, 1e-300, 1e308, 50.0, 99.5]))
BOXES = st.lists(st.tuples(st.integers(0, 1), NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=4)


@st.composite
def images(draw: st.DrawFn) -> CheckedImage:
    name = draw(
        st.sampled_from(["a.jpg", "b_1.jpg", "b_2.png", "c.rf.0a1b2c3d.jpg", "c.rf.0a1b2c3e.jpg", "d_aug_1.jpg"])
    )
    split = draw(st.sampled_from(["train", "val", "test", None]))
    seen = st.builds(
        lambda looks, content, problem: picture(name, content, looks, problem=problem),
        st.sampled_from([None, 0, 1, 2**63, 2**64 - 1]),
        st.sampled_from(["x", "y", ""]),
        st.sampled_from([None, None, "images.truncated"]),
    )
    size_px = draw(st.sampled_from([None, (200, 100), (1, 1), (100_000, 3)]))
    return entry(f"{split}/{name}", draw(BOXES), split, size_px, draw(st.sampled_from([None, "l.json"])), draw(seen))


@settings(max_examples=150, deadline=None)
@given(st.lists(images(), max_size=8))
def test_no_input_is_too_odd(found: list[CheckedImage]) -> None:
    it = subject(*found, sizes_px=(64, 320))
    report = run_checks(it, CARD, CHECKS)
    quick = run_checks(it, CARD, QUICK_CHECKS)
    assert {f.code for f in quick.findings} <= {f.code for f in report.findings}
    for finding in report.findings:
        assert finding.count >= 1
        assert finding.examples
    severities = [CODES[finding.code].severity for finding in report.findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert report.spoils_scores == (Severity.ERROR in severities)
