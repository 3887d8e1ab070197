"""Teaching: how far the outputs of one detector of a family are from those of the whole network."""

from torch import Tensor
from torch.nn import functional


def distance(student: dict[str, Tensor], teacher: dict[str, Tensor], cls: float, dfl: float) -> Tensor:
    """Return how far a head's outputs are from another's: cross-entropy of the scores, and of the edges' bins."""
    wanted = teacher["scores"].sigmoid()
    weight = wanted.amax(dim=1)  # (images, anchors)
    total = weight.sum().clamp(min=1.0)
    scores = functional.binary_cross_entropy_with_logits(student["scores"], wanted, reduction="none")
    scores = (scores - functional.binary_cross_entropy_with_logits(teacher["scores"], wanted, reduction="none")).sum()
    images, bins, anchors = student["boxes"].shape
    if bins == 4:
        edges = (student["boxes"] - teacher["boxes"]).abs().mean(dim=1)
    else:
        one, other = (head["boxes"].view(images, 4, bins // 4, anchors) for head in (student, teacher))
        edges = (
            functional.softmax(other, 2) * (functional.log_softmax(other, 2) - functional.log_softmax(one, 2))
        ).sum(2)
        edges = edges.mean(dim=1)
    return cls * scores / total + dfl * (edges * weight).sum() / total
