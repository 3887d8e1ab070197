"""The search against its baseline, in sentences."""

from reports.table.baseline import AgainstBaseline, Beside
from reports.table.words import ms, number, share

SAME_MAP = 0.0005  # mAP that three decimals do not show


def baseline_words(against: AgainstBaseline) -> str:
    """Return by how much the search beats its baseline, at its latency and at its accuracy, or that it does not."""
    if not against.is_comparable:
        return f"{named(against)} has no figures to compare with: it {standing_words(against)}."
    row = against.row
    what = f"{named(against)} has mAP {share(row.map)} at {ms(row.p50_ms)}"
    return " ".join([f"{what}, from {_weights(against)}.", *_compared(against)])


def named(against: AgainstBaseline) -> str:
    """Return 'The baseline, stock yolo26n at 256 px (trial 0),'."""
    pixels = against.row.candidate.get("size.pixels")
    size = f" at {pixels} px" if pixels else ""
    return f"The baseline, stock {against.name.partition('@')[0]}{size} (trial {against.row.number}),"


def beside_words(beside: Beside) -> str:
    """Return '`0.052 more mAP, 2.4 times as fast`'."""
    return f"{map_words(beside)}, {speed_words(beside)}"


def _compared(against: AgainstBaseline) -> list[str]:
    """Return sentences on the pick, and on what else was found at the baseline's latency and accuracy."""
    if against.pick is None:
        first = "It is the pick."
    else:
        first = f"The pick, trial {against.pick.row.number}, has {beside_words(against.pick)}."
    if not against.is_beaten:
        return [first, *_unbeaten(against)]
    found = [first]
    if (best := against.at_latency) is not None:
        found.append(f"At its latency or less: {map_words(best)} (trial {best.row.number}).")
    if (best := against.at_accuracy) is not None:
        found.append(f"At its mAP or more: {speed_words(best)} (trial {best.row.number}).")
    return found


def _unbeaten(against: AgainstBaseline) -> list[str]:
    """Return that nothing beats the baseline, and how near to it the best at its latency comes."""
    near = against.at_latency
    beyond = f"; the best at its latency or less has {map_words(near)} (trial {near.row.number})" if near else ""
    return [f"No detector beats it, as fast and as accurate at once{beyond}."]


def map_words(beside: Beside) -> str:
    """Return '`0.052 more mAP`', or '`the same mAP`'."""
    if abs(beside.map_gain) < SAME_MAP:
        return "the same mAP"
    return f"{share(abs(beside.map_gain))} {'more' if beside.map_gain > 0 else 'less'} mAP"


def speed_words(beside: Beside) -> str:
    """Return '`2.4 times as fast`'."""
    return pace_words(beside.speed)


def pace_words(speed: float) -> str:
    """Return '`as fast`', '`2.4 times as fast`' or '`... as slow`' of the other one's latency over one's own."""
    if number(speed) == number(1.0):
        return "as fast"
    faster = speed > 1
    return f"{number(speed if faster else 1 / speed)} times as {'fast' if faster else 'slow'}"


def _weights(against: AgainstBaseline) -> str:
    if against.from_random:
        return "random weights, since its published ones were not there"
    return "its published weights"


def standing_words(against: AgainstBaseline) -> str:
    """Return why the baseline has no figures: 'failed (why)', 'is trained', 'waits'."""
    row = against.row
    if row.is_measured:
        return "was measured on another device"
    if row.ending is not None and row.ending.reason:
        return f"{row.standing} ({row.ending.reason})"
    return {"waiting": "waits", "running": "is trained"}.get(row.standing, row.standing)
