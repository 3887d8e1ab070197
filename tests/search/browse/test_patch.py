"""Patches, against values that hypothesis makes; the page's own reading of them is tested in the browser."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from search.browse.patch import patch_of

VALUES = st.recursive(
    st.none() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=4),
    max_leaves=20,
)


def patched(value: Any, patch: dict[str, Any] | None) -> Any:
    """Do what `page_live.js` does."""
    if patch is None:
        return value
    if "v" in patch:
        return patch["v"]
    if "s" in patch:
        first, count, items = patch["s"]
        return [*value[:first], *items, *value[first + count :]]
    if "e" in patch:
        return [patched(item, patch["e"].get(str(i))) for i, item in enumerate(value)]
    kept = {key: item for key, item in value.items() if key not in patch.get("x", ())}
    return {**kept, **{key: patched(kept.get(key), one) for key, one in patch.get("d", {}).items()}}


@given(VALUES, VALUES)
def test_a_patch_makes_one_value_of_another(before: Any, after: Any) -> None:
    assert patched(before, patch_of(before, after)) == after


def test_what_grew_is_sent_alone() -> None:
    before = {"x": list(range(10_000)), "y": {"text": ["a"] * 10_000}}
    after = {"x": [*range(10_000), 1], "y": {"text": ["a"] * 10_000}}
    assert patch_of(before, after) == {"d": {"x": {"s": [10_000, 0, [1]]}}}
    after["x"][7] = -1
    assert patch_of(before["x"], after["x"][:10_000]) == {"s": [7, 1, [-1]]}
    assert patch_of((1, 2), [1, 2]) is None
