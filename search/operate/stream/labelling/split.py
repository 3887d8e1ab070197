"""To which side a labelled image goes, for ever: training, or the recent validation set; groups stay whole."""

import hashlib
from collections.abc import Iterable, Mapping

TRAIN_SIDE, RECENT_SIDE = "train", "recent"


def side_of_groups(groups: Iterable[str], sides: Mapping[str, str], share: float, seed: str) -> dict[str, str]:
    """Return the side of groups that have none yet.

    New groups come in the order of a hash of their name; each goes to the recent set while this has fewer groups than
    its share of all, rounded: so of three groups at a share of a quarter one does, whatever the hashes are.

    Args:
        groups: names.
        sides: group -> side, of all that have one.
        share: of the groups that goes to the recent set.
        seed: makes the order another one for another pipeline.
    """
    new = sorted(set(groups) - sides.keys(), key=lambda name: hashlib.sha256(f"{seed}\n{name}".encode()).digest())
    found: dict[str, str] = {}
    count, recent = len(sides), sum(side == RECENT_SIDE for side in sides.values())
    for name in new:
        count += 1
        found[name] = RECENT_SIDE if recent < round(share * count) else TRAIN_SIDE
        recent += found[name] == RECENT_SIDE
    return found
