"""What drift compares: images of a span of time with their figures, as plain data that a file keeps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

WATCHABLE = (
    "brightness",
    "contrast",
    "sharpness",
    "object_size",
    "class_mix",
    "count",
    "confidence",
    "embedding",
)


@dataclass(frozen=True)
class DriftImage:
    """One image of the stream.

    Attributes:
        at: when it was taken, in UTC.
        group: store, line, car; empty for none.
        figures: by name, of those in `WATCHABLE` that are one number and known.
        classes: class name -> boxes that the detector found; None where no answer is known.
        embedding: by `Embedder`; None where there is none.
    """

    at: datetime
    group: str
    figures: Mapping[str, float]
    classes: Mapping[str, int] | None = None
    embedding: tuple[float, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "at": self.at.astimezone(UTC).isoformat(),
            "group": self.group,
            "figures": {name: float(f"{value:.5g}") for name, value in self.figures.items()},
            "classes": None if self.classes is None else dict(self.classes),
            "embedding": None if self.embedding is None else [float(f"{value:.4g}") for value in self.embedding],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "DriftImage":
        """Return what `to_json` was called on, figures to five digits."""
        kept = values["embedding"]
        at = datetime.fromisoformat(values["at"])
        return cls(at, values["group"], values["figures"], values["classes"], None if kept is None else tuple(kept))


@dataclass(frozen=True)
class DriftSample:
    """Images of a span of time, in any order.

    Attributes:
        images: of it.
        embedder: name of the file whose backbone embedded them; embeddings of two files are not compared.
    """

    images: tuple[DriftImage, ...]
    embedder: str = field(default="")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"embedder": self.embedder, "images": [image.to_json() for image in self.images]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "DriftSample":
        """Return what `to_json` was called on."""
        return cls(tuple(DriftImage.from_json(image) for image in values["images"]), values["embedder"])

    @classmethod
    def of(cls, images: Iterable[DriftImage], embedder: str = "") -> "DriftSample":
        """Return the sample of these images."""
        return cls(tuple(images), embedder)
