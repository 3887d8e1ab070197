"""Training of one detector by Ultralytics' trainer: rungs on the way, checkpoints between epochs."""

import math
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from ultralytics.data import build_yolo_dataset
from ultralytics.models.rtdetr.train import RTDETRTrainer
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.torch_utils import init_seeds

from objectives.checkpoint import load_checkpoint, restore, save_checkpoint
from objectives.records import Rung
from spaces.detector import is_rtdetr

CHECKPOINT = "checkpoint.pt"


class Diverged(Exception):
    """The training loss is no finite number any more."""


@dataclass
class Progress:
    """What a training has shown so far; shared by the phases of one trial.

    Attributes:
        rungs: the evaluated epochs.
        epochs_done: epochs trained in earlier phases.
        seconds_done: seconds trained in earlier phases and earlier processes.
        stopped: whether it was ended before its last epoch.
    """

    rungs: list[Rung] = field(default_factory=list)
    epochs_done: int = 0
    seconds_done: float = 0.0
    stopped: bool = False


OnRung = Callable[[Rung], bool]  # told of each evaluated epoch; True ends the training there


def train_phase(
    model: nn.Module,
    arguments: dict[str, Any],
    progress: Progress,
    evaluate_at: Collection[int],
    decide_at: Collection[int],
    on_rung: OnRung,
) -> nn.Module:
    """Train a network for the epochs of its arguments, or what is left of them after a cut.

    Args:
        model: the network; its weights are changed.
        arguments: as of `objectives.arguments.trainer_arguments`.
        progress: of the trial; brought up to date.
        evaluate_at: epochs (counted over all phases) at which the validator runs.
        decide_at: those among them at which the pruner decides.
        on_rung: told of each evaluated epoch.

    Returns:
        The averaged network (EMA), in evaluation mode.

    Raises:
        Diverged: the loss became NaN or infinite.
    """
    fit = _fit_class(RTDETRTrainer if is_rtdetr(model) else DetectionTrainer)
    session = fit(model, arguments, progress, frozenset(evaluate_at), frozenset(decide_at), on_rung)
    if not session.finished_before:
        session.train()
    progress.epochs_done += arguments["epochs"]
    progress.seconds_done += session.seconds
    ema: Any = session.ema_network()
    ema.criterion = None  # made while validating, of tensors that no later phase could train with
    network: nn.Module = ema.eval()
    return network.to(memory_format=torch.contiguous_format)


def _fit_class(base: Any) -> Any:
    """Return a trainer class of Ultralytics' with our seams; not named a Trainer, which would bring loggers along."""

    class Fit(base):  # type: ignore[misc]  # the base is chosen at run time
        def __init__(
            self,
            network: nn.Module,
            arguments: dict[str, Any],
            progress: Progress,
            evaluate_at: frozenset[int],
            decide_at: frozenset[int],
            on_rung: OnRung,
        ) -> None:
            self.network, self.progress, self.on_rung = network, progress, on_rung
            self.evaluate_at, self.decide_at = evaluate_at, decide_at
            self.seconds = 0.0
            super().__init__(overrides={**arguments, "model": "automl.yaml"})
            if self.device.type == "cpu":
                torch.set_num_threads(available_cores())  # Ultralytics leaves one core idle
            self.checkpoint = Path(self.save_dir) / CHECKPOINT
            self.saved = load_checkpoint(self.checkpoint) if self.checkpoint.exists() else None
            self.add_callback("on_train_start", type(self)._on_train_start)
            self.add_callback("on_train_epoch_start", type(self)._on_train_epoch_start)
            self.add_callback("on_fit_epoch_end", type(self)._on_fit_epoch_end)

        @property
        def finished_before(self) -> bool:
            return self.saved is not None and self.saved["epoch"] >= self.epochs

        def ema_network(self) -> nn.Module:
            if self.ema is None and self.saved is not None:  # nothing was left to train
                self.network.load_state_dict(self.saved["ema"])
                return self.network
            network: nn.Module = self.ema.ema
            return network

        # What Ultralytics asks of a trainer

        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> nn.Module:
            # Channels last is lossless, and on a processor a step takes a fifth to a quarter less.
            return self.network.to(memory_format=torch.channels_last)

        def build_optimizer(self, *args: Any, **kwargs: Any) -> Any:
            optimizer = super().build_optimizer(*args, **kwargs)
            if isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW):
                for group in optimizer.param_groups:
                    group["fused"] = True  # one kernel a step: half the time; Ultralytics asks for it on GPUs alone
            return optimizer

        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            batch = super().preprocess_batch(batch)
            batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
            return batch

        def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
            if base is RTDETRTrainer:
                return super().build_dataset(img_path, mode, batch)
            # Square, as deployed; Ultralytics would validate on rectangles.
            return build_yolo_dataset(self.args, img_path, batch, self.data, mode=mode, rect=False, stride=32)

        def resume_training(self, ckpt: Any) -> None:
            if self.saved is not None:
                restore(self, self.saved)

        def save_model(self) -> bool:
            save_checkpoint(self, self.checkpoint)
            return True

        def save_metrics(self, metrics: Any) -> None:
            pass  # the rungs hold them; results.csv would repeat stale figures between rungs

        def _handle_nan_recovery(self, epoch: int) -> bool:
            if not math.isfinite(self.loss.item()):
                raise Diverged(f"the training loss was {self.loss.item()} after epoch {epoch + 1}")
            return False

        def final_eval(self) -> None:
            pass  # the exported file is scored, not this network

        # Rungs

        def _on_train_start(self) -> None:
            self.started = time.perf_counter()

        def _on_train_epoch_start(self) -> None:
            self._seed_epoch()
            self.args.val = self.progress.epochs_done + self.epoch + 1 in self.evaluate_at

        def _seed_epoch(self) -> None:
            """Let order and augmentation depend on seed and epoch alone: a cut training goes on as if uncut."""
            seed = self.args.seed + 1_000_003 * (self.epoch + 1)
            init_seeds(seed, deterministic=self.args.deterministic)
            if self.train_loader.num_workers == 0:  # worker processes keep the generators they were born with
                self.train_loader.reset()
                self.train_loader.generator.manual_seed(seed)

        def _on_fit_epoch_end(self) -> None:
            self.seconds = time.perf_counter() - self.started
            epoch = self.progress.epochs_done + self.epoch + 1
            if epoch not in self.evaluate_at:
                return
            rung = Rung(
                epoch=epoch,
                map=float(self.metrics["metrics/mAP50-95(B)"]),
                map50=float(self.metrics["metrics/mAP50(B)"]),
                seconds=self.progress.seconds_done + self.seconds,
                loss=float(sum(float(v) for v in self.tloss.values())),
                decides=epoch in self.decide_at,
            )
            self.progress.rungs.append(rung)
            if self.on_rung(rung) and epoch < max(self.evaluate_at):
                self.progress.stopped = self.stop = True

    return Fit


def available_cores() -> int:
    """Return the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_device(wanted: str) -> str:
    """Return the training device in Ultralytics' words: `auto` takes the first GPU, else the processor."""
    if wanted != "auto":
        return wanted
    return "0" if torch.cuda.is_available() else "cpu"
