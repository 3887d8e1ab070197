"""A trained file as it is deployed: its confidence chosen, its detections scored and drawn; of a trial or a child."""

from collections.abc import Callable
from functools import cached_property

from objectives.data.pictures.decode import read_image
from objectives.deploy.accuracy import SCORE_CONFIDENCE, scored
from objectives.deploy.detections_picture import draw_detections
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.export_onnx import write_confidence
from objectives.deploy.formats.deployed import keep_confidence, open_deployed
from objectives.deploy.kept_detections import keep_detections, write_kept
from objectives.deploy.matches import Evaluated, evaluate
from objectives.deploy.operating_point import choose
from objectives.deploy.own_metrics import Measured, measure_own
from objectives.latency.hosts.detections import detections_there
from objectives.records.even_sample import even_indices
from objectives.records.paths import TrialPaths
from objectives.records.records import Accuracy, Latency
from objectives.trial.job import Half, TrialJob

PICTURED = 3  # images of the split that are drawn


class DeployedFile:
    """One exported file on the images that it is scored on; it is run once."""

    def __init__(
        self, job: TrialJob, paths: TrialPaths, on: Half, warn: Callable[[str], None], beat: Callable[[], None]
    ) -> None:
        """Take a file that is there by now.

        Args:
            job: device, classes, gate and protocol.
            paths: where the file lies.
            on: the images.
            warn: takes what came out in another way than asked for, in one line each.
            beat: called before each image, and before each metric of the user's own.
        """
        self._job, self._paths, self._on, self._warn, self._beat = job, paths, on, warn, beat
        rule = job.protocol.rule
        self.confidence = job.protocol.fixed_confidence if rule is None else None

    def settle(self) -> None:
        """Choose the confidence by the file's detections, where the settings have a rule, and write it into the file.

        The latency is measured at it.
        """
        rule = self._job.protocol.rule
        if rule is None:
            return
        chosen = choose((self._evaluated.matches[name, "all"] for name in self._job.classes), rule)
        if chosen.why_other:
            self._warn(f"latency.confidence={rule}: {chosen.why_other}")
        self.confidence = chosen.confidence
        write_confidence(self._paths.model, chosen.confidence)
        keep_confidence(self._paths.model, self._job.devices, chosen.confidence)

    def score(self, latency: Latency) -> Accuracy:
        """Score the file, measure what the user adds, keep its detections, and draw some of them."""
        job, on, confidence = self._job, self._on, self.confidence
        assert confidence is not None  # chosen by now
        accuracy = scored(self._evaluated, on.images, job.classes, on.name, confidence)
        shown = even_indices(len(on.images), PICTURED)
        pictured, drawn = [on.images[i] for i in shown], [self._found[i] for i in shown]
        draw_detections(self._paths.detections, pictured, drawn, job.classes, confidence)
        write_kept(keep_detections(self._found, on.images, on.name, confidence), self._paths.found)
        if not job.gate.own:
            return accuracy
        measured = Measured(self._found, on.images, job.classes, confidence, latency, self._paths.model)
        return accuracy.with_own(measure_own(job.gate.own, measured, self._warn, self._beat))

    @cached_property
    def _found(self) -> list[Detections]:
        if self._job.device.scores_there:
            return detections_there(self._paths.model, self._job.device, self._on.images, self._beat)
        detector, found = Detector(open_deployed(self._paths.model, self._job.device), SCORE_CONFIDENCE), []
        for image in self._on.images:
            self._beat()
            found.append(detector(read_image(image.path)))
        return found

    @cached_property
    def _evaluated(self) -> Evaluated:
        return evaluate(self._found, self._on.images, self._job.classes)
