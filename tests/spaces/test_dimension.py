"""Domains: Hydra's sweep grammar in, values and text out, and back again."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.dimension import Choice, Domain, Grid, Interval, parse_domain
from spaces.errors import SpaceError

PARSED: list[tuple[object, Domain]] = [
    ("choice(a, b)", Choice(("a", "b"))),
    ("a,b", Choice(("a", "b"))),
    ("choice(resnet18.a1_in1k, yolo11)", Choice(("resnet18.a1_in1k", "yolo11"))),
    ("choice(1, 2.5, true, x)", Choice((1, 2.5, True, "x"))),
    ("choice('1', 1)", Choice(("1", 1))),
    ("choice('a, b', \"it's\")", Choice(("a, b", "it's"))),
    ("choice('', a)", Choice(("", "a"))),
    ("sort(3, 1, 2)", Choice((1, 2, 3))),
    ("range(160, 416, 32)", Grid(160, 384, 32)),
    ("range(160, 417, 32)", Grid(160, 416, 32)),
    ("range(5)", Grid(0, 4, 1)),
    ("range(5, 0, -2)", Grid(1, 5, 2)),
    ("range(0, 1, 0.25)", Grid(0.0, 0.75, 0.25)),
    ("range(0.1, 0.3, 0.1)", Grid(0.1, 0.2, 0.1)),
    ("interval(0, 1)", Interval(0.0, 1.0)),
    ("tag(log, interval(1e-4, 1e-2))", Interval(1e-4, 1e-2, log=True)),
    ("int(interval(1, 5))", Interval(1, 5, integer=True)),
    ("tag(log, int(interval(1, 64)))", Interval(1, 64, log=True, integer=True)),
    ("resnet18", Choice(("resnet18",))),
    ("/home/me/weights.pt", Choice(("/home/me/weights.pt",))),
    ("two words", Choice(("two words",))),
    (7, Choice((7,))),
    (0.5, Choice((0.5,))),
    (True, Choice((True,))),
    ("1e-3", Choice((0.001,))),
    ("true", Choice((True,))),
]


@pytest.mark.parametrize(("text", "domain"), PARSED)
def test_hydras_grammar_is_read(text: object, domain: Domain) -> None:
    found = parse_domain("g.x", text)
    assert found == domain
    assert repr(found) == repr(domain)  # 1 is not 1.0 is not True


@pytest.mark.parametrize("domain", [domain for _, domain in PARSED], ids=str)
def test_text_reads_back(domain: Domain) -> None:
    assert parse_domain("g.x", str(domain)) == domain


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("choice()", "at least one value"),
        ("choice(a, a)", "each value once"),
        ("choice(1, 1.0)", "each value once"),
        ("choice(a", "Hydra's sweep grammar"),
        ("foo(1)", "Hydra's sweep grammar"),
        ("range()", "Hydra's sweep grammar"),
        ("range(a, b)", "Hydra's sweep grammar"),
        ("range(5, 1)", "range: is empty"),
        ("range(0, 10, 0)", "range: is empty"),
        ("range(0, 1, 0.0)", "range: is empty"),
        ("interval(1, 0)", "start < end"),
        ("interval(1, 1)", "start < end"),
        ("interval(0, inf)", "finite"),
        ("interval(nan, 1)", "finite"),
        ("interval(a, b)", "Hydra's sweep grammar"),
        ("tag(log, interval(0, 1))", "positive start"),
        ("int(interval(0.2, 0.7))", "start < end"),
        ("[1, 2]", "must be a text, a number or true/false"),
        ("{a: 1}", "must be a text, a number or true/false"),
        ("choice([1], 2)", "must be a text, a number or true/false"),
        ("null", "must be a text, a number or true/false"),
        ("glob(*)", "must be a text, a number or true/false"),
        (None, "needs a value or a sweep"),
        ([1, 2], "needs a value or a sweep"),
    ],
)
def test_what_is_no_domain_is_told(text: object, told: str) -> None:
    with pytest.raises(SpaceError, match=r"^space\.g\.x: ") as error:
        parse_domain("g.x", text)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


numbers = st.one_of(st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=12)


@given(st.lists(st.one_of(numbers, st.booleans(), texts), min_size=1, unique_by=lambda v: (isinstance(v, bool), v)))
def test_any_choice_survives_its_text(values: list[str | int | float | bool]) -> None:
    domain = Choice(tuple(values))
    assert parse_domain("g.x", str(domain)) == domain


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_any_interval_survives_its_text(low: float, width: float) -> None:
    if low + width > low:
        domain = Interval(low, low + width)
        assert parse_domain("g.x", str(domain)) == domain


@given(st.integers(-100, 100), st.integers(1, 40), st.integers(1, 50), st.sampled_from([1, 10, 100]))
def test_any_grid_survives_its_text(low: int, step: int, count: int, divisor: int) -> None:
    last = low + step * (count - 1)
    domain = Grid(low, last, step) if divisor == 1 else Grid(low / divisor, last / divisor, step / divisor)
    again = parse_domain("g.x", str(domain))
    assert isinstance(again, Grid)
    assert (again == domain) or divisor > 1
    assert list(again) == pytest.approx(list(domain), rel=1e-12, abs=1e-12)
    assert domain.size == count
    assert [round(divisor * value) for value in domain] == list(range(low, last + 1, step))
    assert all(value in domain for value in domain)
    assert last / divisor + step / divisor not in domain
    assert (low + 0.5 * step) / divisor not in domain


def test_choice_tells_truth_from_one() -> None:
    assert 1 in Choice((1, True))
    assert True in Choice((1, True))
    assert True not in Choice((1, 2))
    assert 1 not in Choice((True,))
    assert 1.0 in Choice((1,))
    assert "1" not in Choice((1,))
    assert Choice((1, True)).size == 2


@pytest.mark.parametrize("value", ["160", None, True, math.nan, math.inf, [160]])
@pytest.mark.parametrize("domain", [Grid(1, 160, 1), Interval(0, 160), Interval(1, 160, integer=True)], ids=str)
def test_numeric_domains_hold_finite_numbers_only(domain: Domain, value: object) -> None:
    assert value not in domain
    assert 160 in domain


def test_interval_includes_its_ends() -> None:
    assert 0 in Interval(0, 1)
    assert 1 in Interval(0, 1)
    assert 1.0000001 not in Interval(0, 1)
    assert 2.5 not in Interval(1, 5, integer=True)
    assert Interval(1, 5, integer=True).size == 5
    assert Interval(1, 5).size == math.inf


def test_whole_numbers_stay_whole() -> None:
    assert Grid(160, 384, 32).is_integer
    assert not Grid(0.0, 1.0, 0.5).is_integer
    read = parse_domain("g.x", "float(range(1, 4))")
    assert isinstance(read, Grid)
    assert not read.is_integer
    again = parse_domain("g.x", str(read))
    assert isinstance(again, Grid)
    assert not again.is_integer


@pytest.mark.parametrize("make", [lambda: Choice(()), lambda: Grid(5, 1, 1), lambda: Grid(0, 1, 0)])
def test_domains_are_checked_when_made(make: object) -> None:
    assert callable(make)
    with pytest.raises(SpaceError):
        make()
