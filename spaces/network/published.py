"""Published weights by name: which file a backbone's are, and which files a search space may start from."""

from collections.abc import Iterator
from dataclasses import dataclass

from spaces.candidate import Candidate
from spaces.network.backbones import RTDETR, SCALES, TIMM, ULTRALYTICS
from spaces.space import SearchSpace
from spaces.vocabulary import DEFAULTS, single_values

NONE, HUB = "none", "hub"  # of train.pretrained; any other word is a checkpoint's path
SOURCE = "train.pretrained"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # of a timm network in its folder on the hub, best first
ENDINGS = (".safetensors", ".pt", ".pth", ".bin")  # of files that are read, best first
ASSETS = "https://github.com/ultralytics/assets/releases/download/v8.4.0"  # Ultralytics 8.4's own files

Scale = tuple[float, float]  # depth and width of an Ultralytics backbone


@dataclass(frozen=True)
class Published:
    """Weights that somebody publishes.

    Attributes:
        name: the published name, without an ending: "mobilenetv3_small_100.lamb_in1k", "yolo11n".
        backbone: the backbone that they are of, as a candidate names it.
        repository: on Hugging Face's hub; empty for weights that lie elsewhere.
        hub_files: their possible names there, best first.
        url: where they lie, if on no such hub.
    """

    name: str
    backbone: str
    repository: str = ""
    hub_files: tuple[str, ...] = HUB_FILES
    url: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Names under which a folder may hold the weights, best first; `/` stands before a file of a folder."""
        plain = tuple(f"{self.name}{ending}" for ending in ENDINGS)
        if not self.repository:
            return (f"{self.name}.pt", *(file for file in plain if not file.endswith(".pt")))
        return (*plain, *(f"{self.name}/{file}" for file in self.hub_files))


def published(backbone: str, scale: Scale | None = None) -> Published | None:
    """Return what is published for a backbone; None if nothing is.

    Args:
        backbone: as a candidate names it, with or without a tag.
        scale: depth and width of an Ultralytics backbone; files exist for some.
    """
    if backbone in ULTRALYTICS:
        letters = ULTRALYTICS[backbone].scales.items()
        letter = next((letter for letter, (depth, width, _) in letters if (depth, width) == scale), None)
        name = f"{backbone}{letter}"
        return Published(name, backbone, url=f"{ASSETS}/{name}.pt") if letter else None
    if backbone in RTDETR:
        return Published(backbone, backbone, url=f"{ASSETS}/{backbone}.pt")
    architecture, _, tag = backbone.partition(".")
    if tag in ("", TIMM.get(architecture)) and architecture in TIMM:
        name = f"{architecture}.{TIMM[architecture]}"
        return Published(name, backbone, repository=f"timm/{name}")
    return _of_timm(backbone)


def _of_timm(backbone: str) -> Published | None:
    """Return what timm's registry says of a network outside the catalogue."""
    import timm  # late: it brings torch along

    config = timm.get_pretrained_cfg(backbone)
    if config is None or not (config.hf_hub_id or config.url):
        return None
    name = f"{config.architecture}.{config.tag}" if config.tag else str(config.architecture)
    files = (config.hf_hub_filename,) if config.hf_hub_filename else HUB_FILES
    one = Published(name, backbone, config.hf_hub_id or "", files, "" if config.hf_hub_id else config.url)
    return one if not one.url or one.url.endswith(ENDINGS) else None  # a NumPy archive, for one


def start_of(candidate: Candidate) -> str | None:
    """Return what a candidate starts from: the name of published weights, or the path of a checkpoint.

    None for random weights: they are asked for, or nothing is published for the backbone at its scale.
    """
    source = str(candidate.get(SOURCE, DEFAULTS[SOURCE]))
    if source != HUB:
        return None if source == NONE else source
    found = published_for(candidate)
    return found.name if found else None


def published_for(candidate: Candidate) -> Published | None:
    """Return what is published for a candidate's backbone at its scale; None if nothing is."""
    scale = (candidate.number(SCALES[1]), candidate.number(SCALES[0])) if SCALES[0] in candidate else None
    return published(candidate.text("backbone.name"), scale)


def needed(space: SearchSpace) -> tuple[Published, ...]:
    """Return the published weights that candidates of a space may start from, each once, in the space's order."""
    if HUB not in sources(space):
        return ()
    found: dict[str, Published] = {}
    for name in single_values("backbone.name", space.domains["backbone.name"]):
        for scale in _scales(space, str(name)):
            if (one := published(str(name), scale)) is not None:
                found.setdefault(one.name, one)
    return tuple(found.values())


def sources(space: SearchSpace) -> tuple[str, ...]:
    """Return what candidates of a space may start from: none, hub, paths of checkpoints."""
    domain = space.domains.get(SOURCE)
    return tuple(map(str, single_values(SOURCE, domain))) if domain else (str(DEFAULTS[SOURCE]),)


def _scales(space: SearchSpace, backbone: str) -> Iterator[Scale | None]:
    """Yield the published scales of a backbone that lie in a space; None for a network of a single size."""
    if backbone not in ULTRALYTICS:
        yield None
        return
    width, depth = (space.domains[name] for name in SCALES)
    for of_depth, of_width, _ in ULTRALYTICS[backbone].scales.values():
        if of_depth in depth and of_width in width:
            yield of_depth, of_width
