"""Facts: what a pipeline has done or found, one after the other; nothing of its state is kept anywhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class FactKind(StrEnum):
    """What happened; beside each, what its `words` hold."""

    LOOKED = "looked"  # watched, taken_in: to_json of Watched and of TakenIn; labelled: how many images are, anew
    ROUND_BEGUN = "round begun"  # why: [words of each trigger]; kinds: [of each trigger]
    LABELS_ASKED = "labels asked"  # hand_over: folder; images: how many
    LABELS_TAKEN = "labels taken"  # images: labelled of those asked for; waited_days
    VERSION_MADE = "version made"  # data: stream.contract.DataVersion.to_json; labelled: images that are, by then
    SEARCHED = "searched"  # rounds.contract.Searched.to_json
    JUDGED = "judged"  # rounds.contract.JudgedRound.to_json
    REFUSED = "refused"  # why; ends the round
    PACKED = "packed"  # version: of deployments; folder; layouts
    ROLLOUT_BEGUN = "rollout begun"  # version; rollout: shadow or canary; share
    PROMOTED = "promoted"  # version; before: version or null
    # version: that goes; to: version that serves from now on; why; by: rules or hand
    ROLLED_BACK = "rolled back"
    ROUND_ENDED = "round ended"  # outcome: promoted, kept, cannot tell, rolled back, nothing; why
    FAILED = "failed"  # step; error: one line; the step is tried again at the next look
    ASKED = "asked"  # by hand: why; begins a round at the next look
    ALERTED = "alerted"  # what: one line; sent: where to
    HOOK_CALLED = "hook called"  # hook; of: number of the fact that it was given


@dataclass(frozen=True)
class Fact:
    """One fact.

    Attributes:
        number: from 1 on, without gaps in one pipeline.
        kind: what happened.
        round: number of the round that it belongs to; None for none.
        at: when, in UTC, by the clock of the look (`--now`).
        words: JSON, see FactKind.
    """

    number: int
    kind: FactKind
    round: int | None
    at: datetime
    words: Mapping[str, Any]
