"""Metrics of a pipeline as Prometheus reads them: from its facts and its last look."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from objectives.machine.files import whole
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus
from search.operate.journal.state import PipelineState
from search.operate.monitoring.findings import Look
from search.operate.watching.champion import champion_round
from search.settings.pipeline.watched_check import listen_address
from spaces.errors import SettingsError, first_line

METRIC_PREFIX = "automl_pipeline_"
ROUND_OUTCOMES = ("promoted", "kept", "cannot tell", "rolled back", "nothing")
Sample = tuple[Sequence[str], float]


def pipeline_metrics(
    name: str, state: PipelineState, images: Mapping[ImageStatus, int], look: Look, now: datetime
) -> list[Metric]:
    """Return all metrics of a pipeline; docs/monitoring.md lists them.

    Args:
        name: of the pipeline, a label of each metric.
        state: of it.
        images: how many there are of each status.
        look: what was watched last.
        now: the moment of the look.
    """
    made = [*_of_champion(state), *_of_rounds(state), *_of_look(look), *_of_alerts(state)]
    made.append(
        ("images", "Images of the stream by status", ("status",), [((s.value,), float(n)) for s, n in images.items()])
    )
    made.append(("last_look_timestamp_seconds", "When the last look was", (), [((), now.timestamp())]))
    return [_metric(name, *one) for one in made]


class LookCollector(Collector):
    """Gives Prometheus the metrics of the last look."""

    def __init__(self, metrics: Iterable[Metric] = ()) -> None:
        """Begin with these metrics."""
        self._lock, self._metrics = threading.Lock(), tuple(metrics)

    def show(self, metrics: Iterable[Metric]) -> None:
        """Give these from now on."""
        with self._lock:
            self._metrics = tuple(metrics)

    def collect(self) -> Iterator[Metric]:
        """Yield them; prometheus_client calls it in threads of its own."""
        with self._lock:
            metrics = self._metrics
        yield from metrics


class MetricsEndpoint:
    """An HTTP endpoint with the metrics of the last look, for as long as a pipeline stays."""

    def __init__(self, listen: str) -> None:
        """Listen on HOST:PORT.

        Raises:
            SettingsError: the address is taken, or not this machine's.
        """
        host, port = listen_address(listen)
        self.collector = LookCollector()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self.collector)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise SettingsError(f"monitoring.listen: cannot listen on {listen} ({first_line(error)})") from None

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def write_metrics(path: Path, metrics: Iterable[Metric]) -> None:
    """Write metrics as a text file, whole: node_exporter must never read half of it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LookCollector(metrics))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path, shared=True) as partial:
        partial.write_bytes(generate_latest(registry))
        partial.chmod(0o644)  # another user runs node_exporter


def _metric(pipeline: str, name: str, what: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    metric = GaugeMetricFamily(f"{METRIC_PREFIX}{name}", what, labels=("pipeline", *labels))
    for values, value in samples:
        metric.add_metric((pipeline, *values), value)
    return metric


Row = tuple[str, str, Sequence[str], list[Sample]]


def _of_champion(state: PipelineState) -> Iterator[Row]:
    champion = state.champion
    if champion is None:
        return
    made = str(champion_round(state) or "")
    yield (
        "info",
        "The version that serves, and the round that made it",
        ("version", "round"),
        [((champion.version, made), 1)],
    )
    yield "champion_since_timestamp_seconds", "Since when it serves", (), [((), champion.at.timestamp())]


def _of_rounds(state: PipelineState) -> Iterator[Row]:
    ended = [one for one in state.rounds if one.has_ended]
    counts = Counter(str(one.words(FactKind.ROUND_ENDED)["outcome"]) for one in ended)
    yield "rounds", "Rounds that ended, by outcome", ("outcome",), [((name,), counts[name]) for name in ROUND_OUTCOMES]
    yield (
        "round_under_way",
        "Number of the round that is under way, 0 for none",
        (),
        [((), state.round.number if state.round else 0)],
    )
    if ended:
        last = ended[-1]
        seconds = (last.facts[FactKind.ROUND_ENDED].at - last.begun_at).total_seconds()
        yield "last_round_seconds", "Time from the trigger to the end of the last round", (), [((), seconds)]
    rollout = state.rollout
    samples: list[Sample] = [((rollout.version, rollout.kind), rollout.share)] if rollout else []
    yield "rollout_share", "Share of the traffic of what is rolled out", ("version", "kind"), samples


def _of_look(look: Look) -> Iterator[Row]:
    drift = list(look.get("drift") or ())
    known = [one for one in drift if one["change"] is not None]
    yield (
        "drift_change",
        "Change of the window against the baseline",
        ("figure",),
        [((one["name"],), one["change"]) for one in known],
    )
    yield (
        "drift_margin",
        "Change up to which nothing is meant",
        ("figure",),
        [((one["name"],), one["margin"]) for one in drift],
    )
    yield (
        "drift_drifted",
        "1 where a figure has drifted",
        ("figure",),
        [((one["name"],), float(one["drifted"])) for one in drift],
    )
    if rated := look.get("performance"):
        for key in ("value", "low", "high", "bound", "images"):
            samples: list[Sample] = [] if rated.get(key) is None else [((rated["metric"],), rated[key])]
            yield f"performance_{key}", f"Answers against labels that came back: {key}", ("metric",), samples
    if live := look.get("live"):
        version = (live["version"],)
        yield "answers", "Answers of the champion in the window", ("version",), [(version, live["answers"])]
        yield "answer_errors", "Errors among them", ("version",), [(version, live["errors"])]
        for key in ("p50", "p95"):
            value = live[f"{key}_ms"]
            seconds: list[Sample] = [] if value is None else [(version, value / 1000)]
            yield f"latency_{key}_seconds", f"Logged latency of the window, {key}", ("version",), seconds
    yield "findings", "Lines of the last look that people should see", (), [((), len(look.get("alerts") or ()))]


def _of_alerts(state: PipelineState) -> Iterator[Row]:
    alerts, failed = state.of_kind(FactKind.ALERTED), state.of_kind(FactKind.FAILED)
    yield "alerts", "Alerts that were made, ever", (), [((), len(alerts))]
    yield "failed_steps", "Steps that failed, ever", (), [((), len(failed))]


def counts_by_status(statuses: Iterable[ImageStatus]) -> dict[ImageStatus, int]:
    """Return how many there are of each status, zeros too."""
    counts: Counter[ImageStatus] = Counter(statuses)
    return {status: counts[status] for status in ImageStatus}
