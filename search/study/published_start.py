"""Whole published detectors that a new study tries early: with the hyperparameters that their files carry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from objectives.training.augment import NEUTRAL, POLICIES
from objectives.weights.carried_process import Carried, read_carried
from objectives.weights.hyperparameters import Arguments, carried_choices
from search.settings.settings import Settings
from search.study.known_good import completed, nearest_in
from search.study.terms.start_weights import Starts, find_starts
from spaces.dimension import Choice, Value
from spaces.network.backbones import RTDETR, SCALES, ULTRALYTICS
from spaces.network.own import BACKBONE_NAME, NECK_KIND, OWN_NECK
from spaces.network.published import HUB, NONE, SOURCE, published_scales, sources
from spaces.space import SearchSpace
from spaces.vocabulary import single_values

POLICY = "augment.policy"
GREATEST = {name: max(policy.get(name, 0.0) for policy in POLICIES.values()) or 1.0 for name in NEUTRAL}  # of policies


@dataclass(frozen=True)
class PublishedStarts:
    """What a new study tries early.

    Attributes:
        known: a candidate for each file that carries hyperparameters, as `start` takes them.
        notes: a line for each file, for people: what the space holds no nearer value of, and what has no dimension.
    """

    known: tuple[Mapping[str, Value], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Taken:
    """Choices of one file in a space, and what could not be taken as it is."""

    choices: dict[str, Value] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)


def published_starts(settings: Settings) -> PublishedStarts:
    """Return the candidates that files of whole published detectors stand for; the files are there.

    Files are read by a process of their own, which takes seconds; none is begun where a space has no such detector.
    """
    space = settings.space
    if not space.may_hold({NECK_KIND: OWN_NECK}):
        return PublishedStarts()
    files = list(_files(space, find_starts(settings)))
    known, notes = [], []
    for (path, network), carried in zip(files, read_carried([path for path, _ in files]), strict=True):
        whole = network if SOURCE in network and BACKBONE_NAME in network else _of_checkpoint(space, network, carried)
        if carried.why_not:
            notes.append(f"pretrained: {carried.why_not}")
        elif carried.arguments and not whole:
            notes.append(
                f"pretrained: '{path.name}' carries hyperparameters, of no detector of this space that it names"
            )
        elif carried.arguments:
            candidate, note = _candidate(space, whole, carried.arguments)
            known.append(candidate)
            notes.append(f"pretrained: one trial takes the hyperparameters that '{path.name}' carries{note}")
    return PublishedStarts(tuple(known), tuple(notes))


def _files(space: SearchSpace, starts: Starts) -> Iterator[tuple[Path, dict[str, Value]]]:
    """Yield files that are there, and the choices of the whole detector that they are of; of a checkpoint its path."""
    for backbone in map(str, single_values(BACKBONE_NAME, space.domains[BACKBONE_NAME])):
        for one, scale in published_scales(space, backbone) if HUB in sources(space) else ():
            network = _network(space, backbone, scale, HUB)
            file = starts.get(one.name)
            if file is not None and space.may_hold(network):
                yield file.path, network
    for source in sources(space):
        file = starts.get(source)
        if source not in (NONE, HUB) and file is not None:
            yield file.path, {SOURCE: source}


def _network(space: SearchSpace, backbone: str, scale: tuple[float, float] | None, source: str) -> dict[str, Value]:
    """Return the choices of a whole detector, each as the space writes it."""
    depth, width = scale or (None, None)
    given = {BACKBONE_NAME: backbone, NECK_KIND: OWN_NECK, SOURCE: source, SCALES[0]: width, SCALES[1]: depth}
    found: dict[str, Value] = {name: value for name, value in given.items() if value is not None}
    return {name: _as_written(space, name, value) for name, value in found.items()}


def _as_written(space: SearchSpace, name: str, value: Value) -> Value:
    domain = space.domains.get(name)
    values = domain.values if isinstance(domain, Choice) else ()
    return next((own for own in values if own == value), value)


def _of_checkpoint(space: SearchSpace, network: Mapping[str, Value], carried: Carried) -> dict[str, Value]:
    """Return the whole detector that a checkpoint of the user's own names, if the space holds it."""
    source = str(network[SOURCE])
    scales = {
        f"{name}{letter}": (name, (depth, width))
        for name, backbone in ULTRALYTICS.items()
        for letter, (depth, width, _) in backbone.scales.items()
    }
    name, scale = {**scales, **{name: (name, None) for name in RTDETR}}.get(carried.detector, ("", None))
    found = _network(space, name, scale, source)
    return found if name and space.may_hold(found) else {}


def _candidate(space: SearchSpace, network: Mapping[str, Value], arguments: Arguments) -> tuple[dict[str, Value], str]:
    """Return the candidate of a space that is nearest to a file's hyperparameters, and what of them differs."""
    carried, without = carried_choices(arguments)
    taken = _Taken(dict(network))
    for name, value in carried.items():
        if name in space.domains:
            _take(space, taken, name, value)
    _take_policy(space, taken, carried)
    fixed_elsewhere = [
        f"{name} {value}" for name, value in carried.items() if name not in space.domains and name.startswith("train.")
    ]
    whole = completed(taken.choices, space)
    exists = space.build(lambda name, _: whole[name])
    taken_moved = [text for text in taken.moved if text.partition(" ")[0] in exists]
    parts = [
        f"; nearest of this space: {', '.join(taken_moved)}" if taken_moved else "",
        f"; no dimension of this space: {', '.join([*fixed_elsewhere, *without])}"
        if fixed_elsewhere or without
        else "",
    ]
    return exists.to_json(), "".join(parts)


def _take(space: SearchSpace, taken: _Taken, name: str, value: Value) -> None:
    taken.choices[name] = nearest_in(space.domains[name], value)
    if taken.choices[name] != value:
        taken.moved.append(f"{name} {taken.choices[name]} for {value}")


def _take_policy(space: SearchSpace, taken: _Taken, carried: Mapping[str, Value]) -> None:
    """Take the policy whose magnitudes are nearest to those of the file, as far as these are no dimensions."""
    if POLICY not in space.domains:
        return
    wanted = {name: float(carried.get(f"augment.{name}", 0.0)) for name in NEUTRAL}
    open_ = [name for name in NEUTRAL if f"augment.{name}" not in space.domains]

    def distance(policy: str) -> float:
        magnitudes = {**NEUTRAL, **POLICIES[policy]}
        return sum(abs(magnitudes[name] - wanted[name]) / GREATEST[name] for name in open_)

    policy = min(map(str, single_values(POLICY, space.domains[POLICY])), key=distance)
    taken.choices[POLICY] = policy
    if distance(policy) > 0:
        taken.moved.append(f"{POLICY} {policy} for its augmentation")
