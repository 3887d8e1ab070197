"""What has changed between two JSON values, small enough to be sent at each change: arrays that grew at one place."""

from collections.abc import Mapping, Sequence
from typing import Any

FEW = 4  # so many times fewer elements that differ than there are between the first and the last of them


def patch_of(before: Any, after: Any) -> dict[str, Any] | None:
    """Return what makes `after` of `before`; None if they are equal. `page_live.js` applies it.

    `{"v": value}` takes its place; `{"d": {key: patch}, "x": [key]}` changes and removes items of an object;
    `{"e": {index: patch}}` changes elements of an array; `{"s": [start, count, items]}` replaces some by items.
    """
    if before is after:
        return None
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _of_objects(before, after)
    if _is_array(before) and _is_array(after):
        return _of_arrays(before, after)
    return None if before == after and type(before) is type(after) else {"v": after}


def _is_array(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _of_objects(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[str, Any] | None:
    changed = {str(key): {"v": value} for key, value in after.items() if key not in before}
    for key, value in after.items():
        if key in before and (found := patch_of(before[key], value)) is not None:
            changed[str(key)] = found
    removed = [str(key) for key in before if key not in after]
    if not changed and not removed:
        return None
    return {**({"d": changed} if changed else {}), **({"x": removed} if removed else {})}


def _of_arrays(before: Sequence[Any], after: Sequence[Any]) -> dict[str, Any] | None:
    if before == after:
        return None
    most = min(len(before), len(after))
    first = next((i for i in range(most) if not _same(before[i], after[i])), most)
    if first == len(before) == len(after):  # a tuple and a list of the same
        return None
    behind = next((i for i in range(most - first) if not _same(before[-1 - i], after[-1 - i])), most - first)
    if len(before) == len(after):
        differing = [i for i in range(first, len(after) - behind) if not _same(before[i], after[i])]
        span = len(after) - behind - first
        if _holds_more(after[first]) or FEW * len(differing) <= span:
            return {"e": {str(i): patch_of(before[i], after[i]) for i in differing}}
    return {"s": [first, len(before) - behind - first, list(after[first : len(after) - behind])]}


def _holds_more(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_array(value)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))
