"""Training of one detector by Ultralytics' trainer: rungs on the way, checkpoints between epochs."""

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

from objectives.machine.locks import locked_folder
from objectives.records.paths import CHECKPOINT
from objectives.records.records import Rung
from objectives.training.accumulation import Accumulation
from objectives.training.checkpoint import read_state, restore, state_of, write_state
from objectives.training.divergence import LossWatch
from objectives.training.elastic import ElasticTraining
from objectives.training.gpu.mixed_precision import sound_half_checked_here
from objectives.training.hardware import available_cores
from objectives.training.loading import check_complete, fit_loader, forget_images
from objectives.training.monitor import Monitor
from objectives.training.selection import Selection, selecting
from objectives.training.statistics import batches_of, retake_statistics
from spaces.network.detector import is_rtdetr

ALL_IMAGES = Selection()  # each once


@dataclass
class Progress:
    """What a training has shown so far; shared by the phases of one trial.

    Attributes:
        rungs: the evaluated epochs.
        epochs_done: epochs trained in earlier phases.
        seconds_done: seconds trained in earlier phases and earlier processes.
        stopped: whether it was ended before its last epoch.
        reported_epoch: last evaluated epoch that an earlier process reported; no rung up to it is reported again.
    """

    rungs: list[Rung] = field(default_factory=list)
    epochs_done: int = 0
    seconds_done: float = 0.0
    stopped: bool = False
    reported_epoch: int = 0


OnRung = Callable[[Rung], bool]  # takes each evaluated epoch; True ends the training there


def train_phase(
    model: nn.Module,
    arguments: dict[str, Any],
    progress: Progress,
    evaluate_at: Collection[int],
    decide_at: Collection[int],
    on_rung: OnRung,
    monitor: Monitor | None = None,
    elastic: ElasticTraining | None = None,
    selection: Selection = ALL_IMAGES,
) -> nn.Module:
    """Train a network for the epochs of its arguments, or what is left of them after a cut.

    If the cut fell between a checkpoint and its rung, the rung is reported first, and may end the training.

    Args:
        model: the network; its weights are changed.
        arguments: as of `objectives.training.arguments.trainer_arguments`.
        progress: of the trial; brought up to date.
        evaluate_at: epochs (counted over all phases) at which the validator runs.
        decide_at: those among them at which the pruner decides.
        on_rung: takes each evaluated epoch.
        monitor: called between the batches.
        elastic: draws the detector of each step; None trains the whole network alone.
        selection: what an epoch holds of the training images.

    Returns:
        The averaged network (EMA), in evaluation mode; after an elastic training with batch-norm statistics taken anew,
        for the whole network at its own size.

    Raises:
        Diverged: the loss became NaN or infinite, or exploded.
        DataError: images or labels cannot be read.
    """
    fit = _fit_class(RTDETRTrainer if is_rtdetr(model) else DetectionTrainer)
    epochs = frozenset(evaluate_at), frozenset(decide_at)
    session = fit(model, arguments, progress, *epochs, on_rung, monitor or Monitor(), elastic, selection)
    session.report_saved()
    try:
        if not (session.finished_before or progress.stopped):
            with sound_half_checked_here(session.monitor.warning):
                session.train()
    finally:
        if elastic is not None:
            elastic.end()
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
            monitor: Monitor,
            elastic: ElasticTraining | None,
            selection: Selection,
        ) -> None:
            self.network, self.progress, self.on_rung, self.monitor = network, progress, on_rung, monitor
            self.evaluate_at, self.decide_at, self.elastic, self.selection = evaluate_at, decide_at, elastic, selection
            self.calibration: list[torch.Tensor] = []
            self.seconds, self.accumulation = 0.0, Accumulation()
            self.rung: Rung | None = None
            super().__init__(overrides={**arguments, "model": "automl.yaml"})
            if self.device.type == "cpu":
                torch.set_num_threads(available_cores())  # Ultralytics leaves one core idle
            self.checkpoint = Path(self.save_dir) / CHECKPOINT
            self.saved = self._read_checkpoint()
            for event in ("on_train_start", "on_train_epoch_start", "on_train_batch_start", "on_fit_epoch_end"):
                self.add_callback(event, getattr(type(self), f"_{event}"))
            self.add_callback("on_val_batch_start", lambda validator: self.monitor.batch(self.share))

        @property
        def finished_before(self) -> bool:
            return self.saved is not None and self.saved["epoch"] >= self.epochs

        @property
        def share(self) -> float:
            """Of the epoch's batches, what is done."""
            return min(1.0, self.batches / len(self.train_loader))

        def _read_checkpoint(self) -> dict[str, Any] | None:
            saved, warning = read_state(self.checkpoint)
            if warning:
                self.monitor.warning(warning)
            if saved is not None:
                self.progress.seconds_done = max(self.progress.seconds_done, saved.get("seconds", 0.0))
            return saved

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
            if self.elastic is not None:
                batch["img"] = self.elastic.resized(batch["img"])
            batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
            return batch

        def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
            selection = self.selection if mode == "train" else ALL_IMAGES
            # It keeps what it has read there, for all trials.
            with locked_folder(Path(img_path).parent), selecting(selection) as read:
                if base is RTDETRTrainer:
                    dataset = super().build_dataset(img_path, mode, batch)
                else:  # square, as deployed; Ultralytics would validate on rectangles
                    arguments = (self.args, img_path, batch, self.data)
                    dataset = build_yolo_dataset(*arguments, mode=mode, rect=False, stride=32)
            check_complete(Path(img_path), read)
            return dataset

        def _build_train_pipeline(self) -> None:
            if getattr(self, "_oom_retries", 0):
                raise  # out of memory is being handled: Ultralytics would halve the batch, and nobody would know
            super()._build_train_pipeline()
            self.accumulation = Accumulation(self.accumulate)
            self.accumulate: int = 1  # so that we are asked after every batch

        def get_dataloader(self, path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
            loader = super().get_dataloader(path, batch_size, rank, mode)
            if mode == "train":
                self.batch_size = fit_loader(loader, self, self.monitor.warning)
            return loader

        def optimizer_step(self) -> None:
            batch = self.batches - 1 + self.epoch * len(self.train_loader)
            if self.accumulation.is_due(batch, self._get_warmup_iterations(len(self.train_loader))):
                super().optimizer_step()

        def resume_training(self, ckpt: Any) -> None:
            if self.saved is not None:
                restore(self, self.saved)

        def validate(self) -> Any:
            if self.elastic is not None:  # what was seen of all widths and sizes is of no use to any of them
                read, stretched = self.train_loader.dataset, base is RTDETRTrainer
                self.calibration = self.calibration or batches_of(read, self.args.imgsz, stretched=stretched)
                retake_statistics(self.ema.ema, self.calibration)
            return super().validate()

        def save_model(self) -> bool:
            self.seconds = self.monitor.work_s() - self.started
            self.rung = self._rung()
            rung = self.rung and self.rung.to_json()
            seconds = self.progress.seconds_done + self.seconds
            state = {**state_of(self), **self.accumulation.state(self.model), "seconds": seconds, "rung": rung}
            write_state(state, self.checkpoint)
            return True

        def save_metrics(self, metrics: Any) -> None:
            pass  # the rungs hold them; results.csv would repeat stale figures between rungs

        def _handle_nan_recovery(self, epoch: int) -> bool:
            self.losses.check(epoch + 1, self.loss.item(), self._mean_loss())
            return False

        def final_eval(self) -> None:
            pass  # the exported file is scored, not this network

        # Rungs

        def report_saved(self) -> None:
            """Report the rung of a checkpoint that was not reported yet."""
            saved = (self.saved or {}).get("rung")
            if saved is not None:
                self._report(Rung.from_json(saved))

        def _on_train_start(self) -> None:
            self.started = self.monitor.work_s()
            self.losses = LossWatch()
            if self.elastic is not None:
                self.elastic.begin(self.model)

        def _on_train_epoch_start(self) -> None:
            self.batches = 0
            self.monitor.epoch(self._epochs_done())
            self._seed_epoch()
            if self.saved is not None and self.epoch == self.start_epoch:
                self.accumulation.restore(self.model, self.saved)
            self.args.val = self._epochs_done() in self.evaluate_at

        def _on_train_batch_start(self) -> None:
            if self.batches == 1 and self.epoch == self.start_epoch:
                self.losses.begin(self._mean_loss())
            self.monitor.batch(self.share)
            if self.elastic is not None:
                self.elastic.begin_step((self.epoch + self.share) / self.epochs)
            self.batches += 1

        def _seed_epoch(self) -> None:
            """Let order and augmentation depend on seed and epoch alone: a cut training goes on as if uncut.

            Processes that load data keep the generators they were born with: on a GPU that holds from a rung on, where
            trainings pause, and not for a training that was killed between two rungs.
            """
            seed = self.args.seed + 1_000_003 * (self.epoch + 1)
            init_seeds(seed, deterministic=self.args.deterministic)
            if self.elastic is not None:
                self.elastic.begin_epoch(seed)
            first = self.epoch == self.start_epoch or self._epochs_done() - 1 in self.decide_at
            if self.train_loader.num_workers == 0 or first:
                self.train_loader.reset()
                self.train_loader.generator.manual_seed(seed)
                forget_images(self.train_loader.dataset)

        def _on_fit_epoch_end(self) -> None:
            if self.rung is not None:
                self._report(self.rung)

        def _report(self, rung: Rung) -> None:
            if rung.epoch <= self.progress.reported_epoch:
                return  # trained once more, since a checkpoint was lost
            self.progress.rungs.append(rung)
            if self.on_rung(rung) and rung.epoch < max(self.evaluate_at):
                self.progress.stopped = self.stop = True

        def _rung(self) -> Rung | None:
            """Return what the epoch showed, if it was evaluated."""
            epoch = self._epochs_done()
            if epoch not in self.evaluate_at:
                return None
            return Rung(
                epoch=epoch,
                map=float(self.metrics["metrics/mAP50-95(B)"]),
                map50=float(self.metrics["metrics/mAP50(B)"]),
                seconds=self.progress.seconds_done + self.seconds,
                loss=self._mean_loss(),
                decides=epoch in self.decide_at,
            )

        def _epochs_done(self) -> int:
            """Return the epochs over all phases, the one under way among them."""
            return int(self.progress.epochs_done + self.epoch + 1)

        def _mean_loss(self) -> float:
            return float(sum(float(value) for value in self.tloss.values()))

    return Fit
