"""The contract of a study: what must stay the same over its life, so that its trials can be compared."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from objectives.data.crowds import USUAL_MAX, detections_max
from objectives.data.dataset import Dataset
from objectives.deploy.device import Device
from objectives.latency.hosts.open import describe, fingerprint
from objectives.records.gate import Gate, own_function
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import trial_records
from reports.table.on_device import DEVICE_PART
from search.settings.settings import Settings
from search.study.terms import changes
from search.study.terms.comparable import compare
from search.study.terms.start_weights import PART as WEIGHTS_PART
from search.study.terms.start_weights import WITHOUT, card_of, differ, find_starts, fingerprint_of, kept_card
from spaces.dimension import Choice, Domain, Grid, Interval, Value, parse_domain
from spaces.errors import SpaceError, StoreError

if TYPE_CHECKING:
    import optuna

TRAINING_VERSION = 1  # raised when automl trains or scores in another way: accuracies of two versions differ
TRAINER = ("torch", "torchvision", "timm", "ultralytics-opencv-headless", "torch-pruning", "onnx")
NOT_THERE = "absent"

HASH_SHOWN = 12  # digits of a hash

Card = Mapping[str, str]  # what a part of the contract says, for people: name -> text


@dataclass(frozen=True)
class Contract:
    """What must stay the same. What is free: budget, workers, sampler, pruner, limits, folders.

    Attributes:
        fingerprints: part (space, data, device, device.NAME of each further one, training, gate, trainer, pruning,
            weights) -> text that names it.
        cards: part -> name -> text, for people.
    """

    fingerprints: Mapping[str, str]
    cards: Mapping[str, Card]

    @classmethod
    def of(cls, settings: Settings, dataset: Dataset, stored: "Contract | None" = None) -> "Contract":
        """Return the contract of a search; the data set is named as in a stored one, if that one means the same."""
        before = stored.fingerprints.get("data") if stored else None
        data = before if before is not None and dataset.is_meant_by(before) else dataset.fingerprint
        trainer = trainer_versions(settings.device)
        epochs = settings.trial.epochs_for(len(dataset.splits["train"]))
        training = f"{epochs} epochs, seed {settings.seed}, scored on {settings.data.split}"
        most = detections_max(dataset, settings.data.detections_max)
        training += f", {most} detections an image" if most != USUAL_MAX else ""  # older studies kept as many
        starts = find_starts(settings, kept_card(stored.fingerprints) if stored else None)
        others = {f"{DEVICE_PART}{device.name}": device for device in settings.targets[1:]}
        return cls(
            fingerprints={
                "space": settings.space.fingerprint,
                "data": data,
                "device": fingerprint(settings.device),
                **{part: fingerprint(device) for part, device in others.items()},
                "training": training,
                "gate": json.dumps(_gate_card(settings.gate, asdict(settings.latency), settings.steer), sort_keys=True),
                "trainer": json.dumps(trainer, sort_keys=True),
                **{part: changes.fingerprint_of(card) for part, card in changes.cards_now().items()},
                WEIGHTS_PART: fingerprint_of(starts),
            },
            cards={
                "space": settings.space.to_json(),
                "data": _data_card(dataset.to_json()),
                "device": _texts(describe(settings.device)),
                **{part: _texts(describe(device)) for part, device in others.items()},
                "training": _training_card(training),
                "gate": _gate_card(settings.gate, asdict(settings.latency), settings.steer),
                "trainer": trainer,
                **changes.cards_now(),
                WEIGHTS_PART: _weights_card(card_of(starts)),
            },
        )

    @classmethod
    def stored(cls, study: "optuna.Study") -> "Contract":
        """Return the contract that a study was made with; an older automl kept fewer parts of it."""
        kept = StudyRecord.of(study)
        fingerprints = kept.fingerprints
        changed = changes.stored_cards(study, fixed_values(kept.settings["space"]))
        return cls(
            fingerprints={**fingerprints, **{part: changes.fingerprint_of(card) for part, card in changed.items()}},
            cards={
                "space": kept.settings["space"],
                "data": _data_card(kept.data),
                "device": _texts(kept.device),
                **{f"{DEVICE_PART}{name}": _texts(found) for name, found in kept.devices.items()},
                "training": _training_card(fingerprints.get("training", "")),
                "gate": _gate_card(kept.gate, kept.settings.get("latency", {}), kept.settings.get("steer")),
                "trainer": json.loads(fingerprints.get("trainer", "{}")),
                **changed,
                WEIGHTS_PART: _weights_card(kept_card(fingerprints)),
            },
        )

    def differing(self, now: "Contract") -> list[str]:
        """Return the parts that differ in another contract; one that this study never kept does not.

        A further device does: it is there or not, whatever wrote the study.
        """
        kept = self.fingerprints
        differing = [part for part, found in now.fingerprints.items() if part in kept and kept[part] != found]
        devices = [part for part in {**kept, **now.fingerprints} if part.startswith(DEVICE_PART)]
        differing += [part for part in devices if (part in kept) != (part in now.fingerprints)]
        return [p for p in differing if p != WEIGHTS_PART or differ(kept[p], now.fingerprints[p])]

    def diff(self, now: "Contract") -> Iterator[str]:
        """Yield an indented line for each thing that differs: the part, what it is about, old -> new."""
        for part in self.differing(now):
            then_card, now_card = self.cards.get(part, {}), now.cards.get(part, {})
            changed = [name for name in {**then_card, **now_card} if then_card.get(name) != now_card.get(name)]
            if not [name for name in changed if (part, name) != ("data", "root")]:
                yield f"  {part}: the contents differ"
            for name in changed:
                old, new = then_card.get(name, NOT_THERE), now_card.get(name, NOT_THERE)
                yield f"  {part}: {name}: {_classes(old, new) if name == 'classes' else f'{old} -> {new}'}" + (
                    _width(old, new) if part == "space" else ""
                )


def check_contract(study: "optuna.Study", settings: Settings, dataset: Dataset) -> None:
    """Check that a study was made with the contract of these settings.

    Parts that the study never kept are added; an older fingerprint of the data set becomes one of this automl.

    Raises:
        StoreError: it was not; the text says what differs, old -> new, and what a fork would keep.
    """
    then = Contract.stored(study)
    now = Contract.of(settings, dataset, then)
    differing = then.differing(now)
    if differing:
        kept = compare(trial_records(study), differing, settings.space, settings.gate, on_all=settings.is_for_all)
        others = f"name=NEW for a study of its own{', or --fork NEW' if kept.kept else ''}"
        would_keep = [f"  --fork NEW keeps {kept}"] if kept.trials else []
        raise StoreError(
            f"store: study '{study.study_name}' was made with another {' and '.join(differing)}; "
            f"give the old settings, or {others}\n" + "\n".join([*then.diff(now), *would_keep])
        )
    weights = {WEIGHTS_PART: now.fingerprints[WEIGHTS_PART]}
    whole = {**now.fingerprints, **then.fingerprints, **weights, "data": dataset.fingerprint}
    if whole != then.fingerprints:
        StudyWriter(study).contract(settings.gate, whole)


def trainer_versions(device: Device) -> dict[str, str]:
    """Return the versions of what trains, exports and scores a detector."""
    runtime = str(describe(device)["runtime_version"])
    packages = {name: version(name) for name in TRAINER}
    return {**packages, device.runtime: runtime, "automl's training": str(TRAINING_VERSION)}


def fixed_values(card: Card) -> dict[str, Value]:
    """Return the dimensions of a space that have a single value, read from the space's card."""
    domains = {name: _read(text)[0] for name, text in card.items()}
    return {name: d.values[0] for name, d in domains.items() if isinstance(d, Choice) and len(d.values) == 1}


def _gate_card(gate: Gate, latency: Mapping[str, Any], steer: str | None) -> dict[str, str]:
    """Return the bounds; and the deployed confidence where figures at it are bound, or where it is chosen by a rule.

    And that a bound of any device stops a trial, where one detector is wanted for all of them.
    """
    card = {bound.setting: repr(bound.limit) for bound in gate.bounds}
    for device, bounds in gate.bounds_of_devices.items():
        card |= {f"devices.{device}.{bound.setting}": repr(bound.limit) for bound in bounds}
    card |= {"steer": steer} if steer == "worst" else {}
    card |= {f"own.{one['name']}": json.dumps(own_function(one), sort_keys=True) for one in gate.own or ()}
    confidence = latency.get("confidence")
    at_confidence = gate.is_at_confidence or isinstance(confidence, str)
    return {**card, "confidence": str(confidence)} if at_confidence else card


def _data_card(card: Mapping[str, Any]) -> dict[str, str]:
    splits = {name: f"{split['images']} images, {split['boxes']} boxes" for name, split in card["splits"].items()}
    return {"root": str(card["root"]), "classes": ", ".join(card["classes"]), **splits}


def _weights_card(card: Card) -> dict[str, str]:
    return {name: text if text == WITHOUT else f"sha256 {text[:HASH_SHOWN]}" for name, text in card.items()}


def _training_card(text: str) -> dict[str, str]:
    """Read "24 epochs, seed 42, scored on val"."""
    found = re.fullmatch(r"(\d+) epochs, seed (\d+), scored on (.*?)(?:, (\d+) detections an image)?", text)
    if not found:
        return {"training": text}
    names = ("epochs", "seed", "scored on", "detections an image")
    return dict(zip(names, (*found.groups()[:3], found[4] or str(USUAL_MAX)), strict=True))


def _classes(old: str, new: str) -> str:
    """Describe two lists of names by what is gone and what is new; a data set may have hundreds."""
    then, now = old.split(", "), new.split(", ")
    gone, added = [c for c in then if c not in now], [c for c in now if c not in then]
    words = [f"{word} {', '.join(names)}" for word, names in (("without", gone), ("with", added)) if names]
    return f"{len(then)} -> {len(now)}, {' and '.join(words) if words else 'in another order'}"


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _width(old: str, new: str) -> str:
    """Return in a word in brackets how a dimension has changed, where it is known."""
    if NOT_THERE in (old, new):
        return " (new)" if old == NOT_THERE else " (gone)"
    (then, then_if), (now, now_if) = (_read(text) for text in (old, new))
    if then is None or now is None or then_if != now_if:
        return ""
    holds_old, held_by_old = _holds(now, then), _holds(then, now)
    return "" if holds_old == held_by_old else " (wider)" if holds_old else " (narrower)"


def _read(text: str) -> tuple[Domain | None, str]:
    """Return the domain and the conditions of a dimension from the text of SearchSpace.to_json."""
    domain, _, conditions = text.partition(" if ")
    try:
        return parse_domain("then", domain), conditions
    except SpaceError:  # an older grammar
        return None, conditions


def _holds(outer: Domain, inner: Domain) -> bool:
    """Whether every value of one domain lies in another."""
    match inner:
        case Choice(values=values):
            return all(value in outer for value in values)
        case Grid():
            return all(value in outer for value in inner)
        case Interval(low=low, high=high, integer=integer):
            return isinstance(outer, Interval) and outer.integer == integer and outer.low <= low and high <= outer.high
