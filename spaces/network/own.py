"""Whole published detectors: which exist, their own neck and head, and spaces that ask for what cannot be built."""

from collections.abc import Mapping

from spaces.dimension import Interval
from spaces.errors import SpaceError
from spaces.network.backbones import RTDETR, SCALES, ULTRALYTICS
from spaces.space import SearchSpace
from spaces.vocabulary import DEFAULTS, dimensions_of, single_values

BACKBONE_NAME, NECK_KIND, HEAD_KIND = "backbone.name", "neck.kind", "head.kind"
OWN_NECK = "own"  # of neck.kind: neck and head of the published detector
OURS = ("neck.width", "neck.depth", HEAD_KIND)  # what a detector with a neck of ours has, and a published one not

OWN_HEADS: Mapping[str, str] = {
    **{name: backbone.head for name, backbone in ULTRALYTICS.items()},
    **dict.fromkeys(RTDETR, "rtdetr"),
}


def has_own_neck(candidate: Mapping[str, object]) -> bool:
    """Whether a candidate is a whole published detector, with its own neck and head."""
    return candidate.get(NECK_KIND, DEFAULTS[NECK_KIND]) == OWN_NECK


def head_kind(candidate: Mapping[str, object]) -> str | None:
    """Return the kind of a candidate's head: its choice, or the published detector's; None where neither is said."""
    if has_own_neck(candidate):
        return OWN_HEADS.get(str(candidate.get(BACKBONE_NAME)))
    kind = candidate.get(HEAD_KIND)
    return None if kind is None else str(kind)


def published_letter(candidate: Mapping[str, object]) -> str:
    """Return the letter of the scale at which a whole detector is published, as "n"; empty for any other candidate."""
    backbone = ULTRALYTICS.get(str(candidate.get(BACKBONE_NAME)))
    if backbone is None or not has_own_neck(candidate):
        return ""
    scale = candidate.get(SCALES[1]), candidate.get(SCALES[0])
    return next((letter for letter, (depth, width, _) in backbone.scales.items() if (depth, width) == scale), "")


def check_necks(space: SearchSpace) -> None:
    """Check that every detector of a space can be built: which backbones have a neck of their own, and what needs ours.

    Raises:
        SpaceError: some candidate would combine what cannot be combined, or would lack what its neck needs.
    """
    for beside in space.combinations((BACKBONE_NAME, NECK_KIND, *SCALES, *OURS)):
        name, own = str(beside[BACKBONE_NAME]), has_own_neck(beside)
        if own and name not in OWN_HEADS:
            raise SpaceError(
                f"space.neck.kind: {name} has no neck of its own, only {', '.join(OWN_HEADS)} have; take neck.kind=pan "
                f"for it, as space/neck=all does"
            )
        if not own and name in RTDETR:
            raise SpaceError(f"space.neck.kind: {name} exists with its own neck alone; take space/neck=own")
        scale = next((scale for scale in SCALES if name in RTDETR and scale in beside), None)
        if scale:
            raise SpaceError(
                f"space.{scale}: {name} has one size; take space/backbone=rtdetr, or leave {scale} out by `when`"
            )
        wrong = next((ours for ours in OURS if (ours in beside) == own), None)
        if wrong and own:
            raise SpaceError(
                f"space.{wrong}: a detector with neck.kind=own has none; leave it out "
                f"(~space.{wrong}), or take neck.kind=pan"
            )
        if wrong:
            raise SpaceError(f"space.{wrong}: is missing for {name} with our own neck; see its condition (`when`)")
    _check_heads(space)
    _check_slim(space)


def _check_heads(space: SearchSpace) -> None:
    """Check that a head that is asked for by name is not passed over, where all have the published detectors' own."""
    asked = space.fixed.get(HEAD_KIND)
    if asked is None or any(HEAD_KIND in beside for beside in space.combinations((HEAD_KIND,))):
        return
    others = [
        name
        for name in map(str, single_values(BACKBONE_NAME, space.domains[BACKBONE_NAME]))
        if OWN_HEADS[name] != asked
    ]
    if others:
        raise SpaceError(
            f"space.head.kind: {asked} is not the head of {others[0]}, which has its own "
            f"({OWN_HEADS[others[0]]}) with neck.kind=own; leave head.kind out, or take neck.kind=pan"
        )


def _check_slim(space: SearchSpace) -> None:
    """Check that no whole published detector is to be slim: its channels are as they were published."""
    for name in (f"slim.{part}" for part in dimensions_of("slim") if f"slim.{part}" in space.domains):
        domain = space.domains[name]
        values = (domain.high,) if isinstance(domain, Interval) else single_values(name, domain)
        if any(value and space.may_hold({NECK_KIND: OWN_NECK, name: value}) for value in values):
            raise SpaceError(
                f"space.{name}: a detector with neck.kind=own keeps the channels that are published, and cannot be "
                "slim; take space/slim=none, or neck.kind=pan"
            )
