"""A trained detector as a checkpoint of Ultralytics' own: plain `YOLO("ultralytics.pt")` loads, trains and exports it.

A process of its own writes it (see `objectives.trial.plain_process`): the commands of a search bring no torch along.
"""

import json
import sys
import tempfile
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from objectives.training.ultralytics_env import quiet_ultralytics


def main() -> None:
    """Write the file that the job on standard input asks for; the last line of the output is JSON: `why_not`."""
    job = json.loads(sys.stdin.read())
    with tempfile.TemporaryDirectory() as folder:
        quiet_ultralytics(Path(folder))  # before the first import of it
        why_not = write_plain(Path(job["weights"]), Path(job["target"]))
    sys.stdout.write(json.dumps({"why_not": why_not}) + "\n")


def write_plain(weights: Path, target: Path) -> str:
    """Write the weights of a trial as a checkpoint of Ultralytics' own, if Ultralytics alone builds their network.

    Args:
        weights: as `objectives.network.assembly.save_weights` wrote them.
        target: the file to write.

    Returns:
        why there is no such file, in a few words; empty where it was written.

    Raises:
        DataError: the weights cannot be read.
    """
    from objectives.network.assembly import read_trained
    from spaces.network.backbones import is_native
    from spaces.network.description import describe

    candidate, classes, state = read_trained(weights)
    description = describe(candidate, classes)
    if not is_native(description):
        return f"Ultralytics has no layer for the backbone {candidate.text('backbone.name')}"
    network = _network(_general(description), len(classes))
    if {name: value.shape for name, value in network.state_dict().items()} != {n: v.shape for n, v in state.items()}:
        return "Ultralytics builds the network whole, and these weights are of one that is cut"
    network.load_state_dict(state)
    _save(network, classes, int(candidate.number("size.pixels")), target)
    return ""


def _general(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description whose head takes the number of classes of whatever data set it is trained on."""
    general = deepcopy(description)
    general["head"][-1][3][0] = "nc"
    return general


def _network(description: dict[str, Any], classes: int) -> Any:
    """Return the network as Ultralytics builds it, without anything of ours."""
    from ultralytics.nn.tasks import DetectionModel, RTDETRDetectionModel

    build = RTDETRDetectionModel if description["head"][-1][2] == "RTDETRDecoder" else DetectionModel
    network = build(description, ch=3, nc=classes, verbose=False)
    if description.get("end2end"):
        network.end2end = True  # both heads are trained, and this one is deployed
    return network


def _save(network: Any, classes: tuple[str, ...], size_px: int, target: Path) -> None:
    """Write what `ultralytics.utils.torch_utils.strip_optimizer` leaves of a finished training, at full precision."""
    import torch
    from ultralytics import __version__

    from objectives.machine.files import whole

    arguments = {"task": "detect", "mode": "train", "imgsz": size_px}
    network.names, network.args, network.task = dict(enumerate(classes)), arguments, "detect"
    for parameter in network.parameters():
        parameter.requires_grad = False
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "license": "AGPL-3.0-or-later",
        "epoch": -1,  # of a training that has ended
        **dict.fromkeys(("best_fitness", "stopper", "ema", "updates", "optimizer", "scaler")),
        "model": network.eval(),
        "train_args": arguments,
    }
    with whole(target) as partial, partial.open("wb") as stream:
        torch.save(content, stream)


if __name__ == "__main__":
    main()
