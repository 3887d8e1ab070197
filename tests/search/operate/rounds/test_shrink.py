"""The smaller space of a later round: never empty, within the whole one, and always with what was good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.operate.rounds.shrink import is_whole, shrink
from search.settings.settings import load_settings
from spaces.candidate import Candidate
from spaces.dimension import Choice, Grid, Interval, parse_domain
from spaces.space import SearchSpace

SPACE = SearchSpace(
    {
        "backbone.name": Choice(("lcnet_050", "yolo11", "yolo26", "tinynet_e")),
        "neck.width": Choice((16, 24, 32, 48, 64)),
        "size.pixels": Grid(128, 640, 32),
        "train.lr0": Interval(1e-4, 1e-1, log=True),
        "train.box": Interval(5.0, 9.0),
        "train.warm": Interval(1, 20, integer=True),
        "train.share": Grid(0.0, 1.0, 0.1),
        "train.cosine": Choice((True, False)),
        "slim.p3": Choice((0.0, 0.5)),
    },
    {},
)


def candidates() -> st.SearchStrategy[dict[str, object]]:
    values = {
        name: st.sampled_from(list(domain.values if isinstance(domain, Choice) else domain))
        for name, domain in SPACE.domains.items()
        if isinstance(domain, Choice | Grid)
    }
    values |= {
        "train.lr0": st.floats(1e-4, 1e-1),
        "train.box": st.floats(5.0, 9.0),
        "train.warm": st.integers(1, 20),
    }
    return st.fixed_dictionaries({}, optional=values)


@given(st.lists(candidates(), max_size=5), st.floats(0.01, 1.0))
def test_what_was_good_stays_and_nothing_lies_outside(good: list[dict[str, object]], least: float) -> None:
    smaller = shrink(SPACE, good, least)  # type: ignore[arg-type]  # values of the space
    for name, domain in smaller.items():
        whole = SPACE.domains[name]
        assert all(one[name] in domain for one in good if name in one), (name, domain)
        if isinstance(domain, Interval):
            assert isinstance(whole, Interval)
            assert whole.low <= domain.low < domain.high <= whole.high
            assert (domain.log, domain.integer) == (whole.log, whole.integer)
        else:
            assert all(value in whole for value in (domain.values if isinstance(domain, Choice) else domain))
            assert domain.size >= 1
        assert parse_domain(name, str(domain)).size == domain.size  # a line can say it


@given(st.lists(candidates(), min_size=1, max_size=3), st.floats(0.3, 1.0))
def test_at_least_a_share_of_the_numbers_stays(good: list[dict[str, object]], least: float) -> None:
    smaller = shrink(SPACE, good, least)  # type: ignore[arg-type]  # values of the space
    for name in ("neck.width", "size.pixels", "train.share"):
        if name in smaller:
            assert smaller[name].size >= least * SPACE.domains[name].size
    if "train.box" in smaller:
        box = smaller["train.box"]
        assert isinstance(box, Interval)
        assert box.high - box.low >= least * 4.0 * (1 - 1e-9)


def test_words_are_those_that_were_good_and_what_nobody_tried_stays_whole() -> None:
    smaller = shrink(SPACE, [{"backbone.name": "yolo26"}, {"backbone.name": "lcnet_050", "slim.p3": 0.0}], 0.1)
    assert smaller == {"backbone.name": Choice(("lcnet_050", "yolo26"))}
    assert shrink(SPACE, [], 0.1) == {}


def test_the_whole_space_is_kept_at_a_share_of_one() -> None:
    assert shrink(SPACE, [{"size.pixels": 320, "backbone.name": "yolo11"}], 1.0) == {}


@pytest.mark.parametrize("conf", ["retail", "defects", "traffic-signs"])
def test_a_smaller_space_of_each_preset_is_one_that_a_line_can_ask_for(conf: str) -> None:
    space = load_settings([f"conf={conf}"]).space
    first = space.build(lambda _, domain: domain.values[0] if isinstance(domain, Choice) else domain.low)
    smaller = shrink(space, [first.to_json()], 0.3)
    assert smaller
    again = load_settings([f"conf={conf}", *(f"space.{name}={domain}" for name, domain in smaller.items())]).space
    for name, domain in smaller.items():
        assert again.domains[name].size == domain.size, name
    again.check(Candidate.of(first.to_json()).to_json())


def test_the_door_opens_every_fifth_later_round_of_a_fifth() -> None:
    assert [number for number in range(2, 13) if is_whole(number, 0.2)] == [6, 11]
    assert not any(is_whole(number, 0.0) for number in range(2, 50))
    assert all(is_whole(number, 1.0) for number in range(2, 5))
