"""The vocabulary: every dimension that a search space may have, a row each, and what is known of it.

A space, a candidate, the trainer, the engine and forks all read this one table. What a word such as `lamp` or `shelf`
does is written where it is done; tests compare those places with the words here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from spaces.candidate import Candidate
from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.errors import SpaceError, nearest
from spaces.space import SearchSpace

STRIDES = (8, 16, 32)  # pixels of the input for one of each of the three feature maps that a neck joins

Limits = tuple[float, float]
SHARE: Limits = (0.0, 1.0)
GAIN: Limits = (0.0, 1e4)


@dataclass(frozen=True)
class Dimension:
    """What is known of one dimension, whatever domain a space gives it.

    Attributes:
        name: group and name, as "train.lr0".
        about: what it is, in one line.
        default: what a candidate is that does not name it; None where there is no such value.
        usual: a known good value where there is no default; for architectures what Ultralytics publishes as nano.
        limits: least and greatest number; None for texts and truth values.
        multiple_of: what its numbers are multiples of; 0 if they are free.
        words: the texts that may be chosen; empty if they are not listed here.
        required: whether every space must have it.
        unless: dimension and value beside which a candidate has none, and so needs none.
        deployed: whether it changes the deployed network, so that latency depends on it.
        load: whether it decides how much memory and time a training needs.
        elastic: whether one elastic training has all its values at once, as far as they are below the training's own.
    """

    name: str
    about: str
    default: Value | None = None
    usual: Value | None = None
    limits: Limits | None = None
    multiple_of: int = 0
    words: tuple[str, ...] = ()
    required: bool = False
    unless: tuple[str, Value] | None = None
    deployed: bool = False
    load: bool = False
    elastic: bool = False

    def __post_init__(self) -> None:
        if self.name.count(".") != 1 or not self.about:
            raise ValueError(f"a dimension needs a name 'group.name' and a line about it, got {self}")
        if self.limits and self.words:
            raise ValueError(f"{self.name}: takes numbers or words, not both")
        for value in (self.default, self.usual):
            if value is not None:
                self.check(value)

    @property
    def group(self) -> str:
        """The group's name: "train" of "train.lr0"."""
        return self.name.partition(".")[0]

    @property
    def short_name(self) -> str:
        """The name within the group: "lr0" of "train.lr0"."""
        return self.name.partition(".")[2]

    def check(self, value: Value, where: str = "") -> None:
        """Check that a candidate may have a value.

        Args:
            value: the value.
            where: put before the name in the message, as "space.".

        Raises:
            SpaceError: the value is outside the limits, or none of the words.
        """
        name = f"{where}{self.name}"
        if self.words and value not in self.words:
            raise self.unknown(value, where)
        if self.limits:
            low, high = self.limits
            if isinstance(value, bool | str) or not low <= value <= high:
                raise SpaceError(f"{name}: must be a number in {low:g} .. {high:g}, got {value!r}")
        if self.multiple_of and (isinstance(value, bool | str) or value % self.multiple_of):
            raise SpaceError(f"{name}: must be a multiple of {self.multiple_of}, got {value!r}")

    def unknown(self, value: Value, where: str = "") -> SpaceError:
        """Return the error of a value that is none of the words."""
        near = nearest(str(value), self.words)
        return SpaceError(f"{where}{self.name}: unknown choice '{value}'{near}; known: {', '.join(self.words)}")


def _magnitude(name: str, about: str, limits: Limits = SHARE) -> Dimension:
    """Return a dimension of the augmentation; a candidate that does not name it has the magnitude of its policy."""
    return Dimension(f"augment.{name}", about, limits=limits)


_of_network = partial(Dimension, deployed=True, load=True)
_of_our_neck = partial(_of_network, required=True, unless=("neck.kind", "own"))  # not of a whole published detector


def _slim(part: str, about: str) -> Dimension:
    """Return a dimension of the network's width: an elastic training has all its values at once."""
    text = f"share of the channels that {about} is built without"
    return Dimension(f"slim.{part}", text, 0.0, limits=(0.0, 0.9), deployed=True, load=True, elastic=True)


DIMENSIONS = (
    # The network: its shapes, and the side of its input. `network/backbones.py` knows the backbones' names.
    _of_network("backbone.name", "timm's network, or Ultralytics' own", required=True),
    _of_network("backbone.width", "factor on channels, of Ultralytics' own", usual=0.25, limits=(0.0625, 4.0)),
    _of_network("backbone.depth", "factor on repeats, of Ultralytics' own", usual=0.5, limits=(0.1, 4.0)),
    _of_network(
        "neck.kind", "pan: ours; own: neck and head of the published detector", default="pan", words=("pan", "own")
    ),
    _of_our_neck("neck.width", "channels at stride 8; doubled at 16 and again at 32", limits=(8, 1024)),
    _of_our_neck("neck.depth", "blocks a level", usual=1, limits=(1, 12), elastic=True),
    _of_our_neck("head.kind", "kind of head", usual="nms", words=("nms", "end2end", "rtdetr")),
    _of_network(
        "size.pixels",
        "side of the square input, pixels",
        limits=(32, 4096),
        multiple_of=STRIDES[-1],
        required=True,
        elastic=True,
    ),
    # Slim from the start: the share of the channels that each part of the network is built without.
    _slim("p3", "the backbone up to stride 8"),
    _slim("p4", "the backbone from there to stride 16"),
    _slim("p5", "the backbone from there on"),
    _slim("neck", "the neck"),
    _slim("head", "the head"),
    _of_network(
        "slim.blocks",
        "residual blocks that each stage of timm's backbone is built without",
        default=0,
        limits=(0, 32),
        elastic=True,
    ),
    # Structural pruning.
    Dimension(
        "prune.importance",
        "how channels are ranked; none: no pruning",
        default="none",
        words=("none", "l1", "l2", "bn_scale", "lamp", "random"),
        deployed=True,
    ),
    Dimension("prune.ratio", "share of the channels to cut", limits=(0.01, 0.95), deployed=True),
    Dimension("prune.at", "share of the epochs before the cut", 0.5, limits=SHARE, deployed=True),
    # The deployed program.
    Dimension(
        "deploy.nms_iou", "IoU above which the lesser of two boxes falls", 0.7, limits=(0.05, 1.0), deployed=True
    ),
    Dimension("deploy.precision", "precision of the network", "fp32", words=("fp32", "fp16", "int8"), deployed=True),
    # Training.
    Dimension(
        "train.optimizer",
        "optimiser",
        default="AdamW",
        words=("SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "MuSGD"),
    ),
    Dimension("train.lr0", "first learning rate", 0.002, limits=(1e-8, 10.0)),
    Dimension("train.lrf", "last learning rate as a share of the first", 0.05, limits=SHARE),
    Dimension("train.cosine", "schedule of the learning rate: cosine, else linear", True),
    Dimension("train.momentum", "SGD's momentum, Adam's beta1", 0.9, limits=SHARE),
    Dimension("train.weight_decay", "weight decay", 0.0005, limits=SHARE),
    Dimension("train.warmup", "share of the training that warms up", 0.1, limits=SHARE),
    Dimension("train.batch", "images of a batch", 8, limits=(1, 4096), load=True),
    # Gradients of nbs / batch batches are added up.
    Dimension("train.nbs", "images of an optimiser step", 8, limits=(1, 65536)),
    Dimension("train.box", "gain of the loss of boxes", 7.5, limits=GAIN),
    Dimension("train.cls", "gain of the loss of classes", 0.5, limits=GAIN),
    Dimension("train.dfl", "gain of the distribution focal loss", 1.5, limits=GAIN),
    Dimension("train.class_weights", "power of the inverse class frequency; 0: off", 0.0, limits=SHARE),
    Dimension("train.oversample", "power of how much more often rare classes' images come; 0: off", 0.0, limits=SHARE),
    Dimension("train.share", "share of the training images, each class as large a one", 1.0, limits=(0.01, 1.0)),
    Dimension(
        "train.close_mosaic", "share of the training, at its end, without mosaic, mixup, cutmix", 0.25, limits=SHARE
    ),
    Dimension("train.freeze", "layers of the model description frozen, from the first", 0, limits=GAIN),
    Dimension("train.elastic", "one training of many detectors: all sizes, widths and depths below its own", False),
    Dimension("train.pretrained", "none, hub, or a checkpoint's path", "none"),
    # Augmentation: a policy, and single magnitudes over it.
    Dimension(
        "augment.policy",
        "named set of magnitudes",
        default="none",
        words=("none", "light", "shelf", "line", "road", "ultralytics", "heavy"),
    ),
    _magnitude("fliplr", "probability of a left-right flip"),
    _magnitude("flipud", "probability of an up-down flip"),
    _magnitude("translate", "random crop: greatest shift, fraction of the image"),
    _magnitude("scale", "random crop: greatest change of scale, fraction"),
    _magnitude("degrees", "greatest rotation, degrees", (0.0, 180.0)),
    _magnitude("perspective", "greatest perspective term", (0.0, 0.001)),
    _magnitude("hue", "greatest change of hue, fraction of the circle"),
    _magnitude("saturation", "greatest change of saturation, fraction"),
    _magnitude("brightness", "greatest change of brightness, fraction"),
    _magnitude("exposure", "greatest change of gamma, fraction"),
    _magnitude("contrast", "greatest change of contrast, fraction"),
    _magnitude("noise", "greatest standard deviation of sensor noise, fraction of full scale"),
    _magnitude("motion_blur", "probability of motion blur"),
    _magnitude("cutout", "probability of erased rectangles"),
    _magnitude("mosaic", "probability of a mosaic of four images"),
    _magnitude("mixup", "probability of blending two images"),
    _magnitude("cutmix", "probability of pasting a part of another image"),
)

VOCABULARY: Mapping[str, Dimension] = {dimension.name: dimension for dimension in DIMENSIONS}

# What a candidate is where it does not name a dimension: one that a space lacks counts as this.
DEFAULTS: Mapping[str, Value] = {d.name: d.default for d in DIMENSIONS if d.default is not None}

# What a known candidate takes that leaves a dimension open.
USUAL: Mapping[str, Value] = {**{d.name: d.usual for d in DIMENSIONS if d.usual is not None}, **DEFAULTS}


def dimensions_of(group: str) -> dict[str, Dimension]:
    """Return the dimensions of one group by their short names, in the order of the table."""
    return {d.short_name: d for d in DIMENSIONS if d.group == group}


def choices_of(candidate: Candidate, group: str) -> dict[str, Any]:
    """Return a candidate's choices of one group by their short names, the defaults filled in.

    Raises:
        SpaceError: a dimension is unknown, or a word is.
    """
    known = dimensions_of(group)
    chosen = candidate.group(group)
    for name, value in chosen.items():
        if name not in known:
            raise unknown_dimension(f"{group}.{name}")
        if known[name].words and value not in known[name].words:
            raise known[name].unknown(value)
    defaults = {name: d.default for name, d in known.items() if d.default is not None}
    return {**defaults, **chosen}


def train_choices(candidate: Candidate) -> dict[str, Any]:
    """Return the `train` group of a candidate, the defaults filled in.

    Raises:
        SpaceError: a name is unknown, or the optimiser is.
    """
    return choices_of(candidate, "train")


@lru_cache(maxsize=1000)
def is_deployed(name: str) -> bool:
    """Whether a dimension changes the deployed network, so that latency depends on it."""
    return name in VOCABULARY and VOCABULARY[name].deployed


@lru_cache(maxsize=1000)
def decides_load(name: str) -> bool:
    """Whether a dimension decides how much memory and time a training needs.

    One of a study of somebody else's, which is not in the table, does if it is called `batch` or `pixels`.
    """
    if name in VOCABULARY:
        return VOCABULARY[name].load
    return name.rpartition(".")[2] in ("batch", "pixels")


def unknown_dimension(name: str, where: str = "") -> SpaceError:
    """Return the error of a dimension that is not in the table, with the nearest that are.

    Args:
        name: the dimension.
        where: put before the names in the message, as "space.".
    """
    return SpaceError(f"unknown dimension '{where}{name}'{nearest(name, VOCABULARY, where)}")


def check_vocabulary(space: SearchSpace) -> None:
    """Check names, words and limits of a space, so that a typo is found before the first trial.

    Raises:
        SpaceError: a dimension is unknown or missing, or its domain holds what no candidate may have.
    """
    for name, domain in space.domains.items():
        if name not in VOCABULARY:
            raise unknown_dimension(name, "space.")
        known = VOCABULARY[name]
        for value in single_values(name, domain) if known.words or known.multiple_of else _ends(domain):
            known.check(value, "space.")
    for known in DIMENSIONS:
        other, value = known.unless or ("", "")
        needless = space.fixed.get(other) == value and not space.conditions.get(other)
        if known.required and known.name not in space.domains and not needless:
            raise SpaceError(f"space.{known.name}: is missing; give a value or a sweep")


def single_values(name: str, domain: Domain) -> Iterable[Value]:
    """Return the values of a domain, in its order.

    Raises:
        SpaceError: the domain is an interval.
    """
    match domain:
        case Choice(values=values):
            return values
        case Grid():
            return domain
        case Interval():
            raise SpaceError(f"space.{name}: {domain}: needs single values here; use choice(...) or range(...)")


def _ends(domain: Domain) -> tuple[Value, ...]:
    return domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
