"""What the dimensions of a space may be called and hold, so that a typo is found before the first trial."""

from collections.abc import Callable

from objectives.training.arguments import IMPORTANCES, OPTIMIZERS, TRAIN_DEFAULTS
from objectives.training.augment import NEUTRAL, POLICIES
from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.errors import SpaceError, nearest
from spaces.network.backbones import STRIDES, ULTRALYTICS, check_backbone
from spaces.network.description import HEADS
from spaces.space import SearchSpace

REQUIRED = ("backbone.name", "neck.width", "neck.depth", "head.kind", "size.pixels")
OPTIONAL = (
    "backbone.width",
    "backbone.depth",
    "prune.importance",
    "prune.ratio",
    "prune.at",
    "deploy.nms_iou",
)
KNOWN = (
    *REQUIRED,
    *OPTIONAL,
    *(f"train.{name}" for name in TRAIN_DEFAULTS),
    "augment.policy",
    *(f"augment.{name}" for name in NEUTRAL),
)

WORDS = {
    "head.kind": HEADS,
    "augment.policy": tuple(POLICIES),
    "train.optimizer": OPTIMIZERS,
    "prune.importance": ("none", *IMPORTANCES),
}

# Least and greatest value of numeric dimensions.
LIMITS: dict[str, tuple[float, float]] = {
    **{f"train.{name}": (0.0, 1e4) for name in TRAIN_DEFAULTS if name not in ("optimizer", "cosine", "pretrained")},
    **{f"augment.{name}": (0.0, 1.0) for name in NEUTRAL},
    "augment.degrees": (0.0, 180.0),
    "augment.perspective": (0.0, 0.001),
    "size.pixels": (32, 4096),
    "neck.width": (8, 1024),
    "neck.depth": (1, 12),
    "backbone.width": (0.0625, 4.0),
    "backbone.depth": (0.1, 4.0),
    "prune.ratio": (0.01, 0.95),
    "prune.at": (0.0, 1.0),
    "deploy.nms_iou": (0.05, 1.0),
    "train.lr0": (1e-8, 10.0),
    "train.batch": (1, 4096),
    "train.nbs": (1, 65536),
    "train.lrf": (0.0, 1.0),
    "train.weight_decay": (0.0, 1.0),
    "train.class_weights": (0.0, 1.0),
    "train.warmup": (0.0, 1.0),
    "train.close_mosaic": (0.0, 1.0),
    "train.momentum": (0.0, 1.0),
}


def check_vocabulary(space: SearchSpace) -> None:
    """Check names, words and limits of a space.

    Raises:
        SpaceError: a dimension is unknown or missing, or its domain holds what cannot be built.
    """
    for name, domain in space.domains.items():
        if name not in KNOWN:
            raise SpaceError(f"'space.{name}' is no dimension{nearest(name, KNOWN)}")
        for check in (_check_words, _check_limits, _check_special):
            check(name, domain)
    known = space.domains
    own = [name for name in ULTRALYTICS if name in known["backbone.name"]] if "backbone.name" in known else []
    for name in (*REQUIRED, *(("backbone.width", "backbone.depth") if own else ())):
        if name not in known:
            hint = f", which {own[0]} needs" if name not in REQUIRED else ""
            raise SpaceError(f"space.{name}: is missing{hint}; give a value or a sweep")


def _check_words(name: str, domain: Domain) -> None:
    for word in _values(name, domain) if name in WORDS else ():
        if word not in WORDS[name]:
            known = ", ".join(WORDS[name])
            raise SpaceError(
                f"space.{name}: choice: '{word}' is unknown{nearest(str(word), WORDS[name])}; known: {known}"
            )


def _check_limits(name: str, domain: Domain) -> None:
    if name not in LIMITS:
        return
    low, high = LIMITS[name]
    ends = (domain.low, domain.high) if isinstance(domain, Grid | Interval) else domain.values
    for value in ends:
        if isinstance(value, bool | str) or not low <= value <= high:
            raise SpaceError(f"space.{name}: must be a number in {low:g} .. {high:g}, got {value!r}")


def _check_special(name: str, domain: Domain) -> None:
    checks: dict[str, Callable[[Value], None]] = {
        "backbone.name": lambda value: check_backbone(str(value)),
        "size.pixels": _check_size,
    }
    for value in _values(name, domain) if name in checks else ():
        checks[name](value)


def _check_size(value: Value) -> None:
    if isinstance(value, bool | str) or value % STRIDES[-1]:
        raise SpaceError(f"space.size.pixels: must be a multiple of {STRIDES[-1]} pixels, got {value!r}")


def _values(name: str, domain: Domain) -> tuple[Value, ...]:
    match domain:
        case Choice(values=values):
            return values
        case Grid():
            return tuple(domain)
        case Interval():
            raise SpaceError(f"space.{name}: {domain}: needs single values here; use choice(...) or range(...)")
