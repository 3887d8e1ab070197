"""Metrics of a pipeline: what Prometheus reads of its facts and its last look, as a text file and over HTTP."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from watched_pipeline import answer, at, begin, end, label, pipeline, promote, stream

from search.operate.context import OperateContext
from search.operate.monitoring.metrics import MetricsEndpoint
from search.operate.monitoring.publish import publish
from search.operate.watching.contract import TriggerKind
from search.operate.watching.watch import watch
from spaces.errors import SettingsError

pytestmark = pytest.mark.seconds
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Values:
    """Return the values by name and labels, as Prometheus' own parser reads them; all have the pipeline's name."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            assert sample.labels.pop("pipeline") == "shelves"
            found[sample.name.removeprefix("automl_pipeline_"), frozenset(sample.labels.items())] = sample.value
    return found


def of(values: Values, name: str, **labels: str) -> float:
    return values[name, frozenset(labels.items())]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[OperateContext]:
    target = f"monitoring.prometheus={tmp_path}/metrics/shelves.prom"
    with pipeline(tmp_path, target, "triggers.performance.bound=0.9") as context:
        begin(context, 1, TriggerKind.FIRST)
        promote(at(context, 0.5), 1, "v0001")
        images = stream(context, range(60), lambda day, group: 0.5 if day > 50 else 1.0)
        answer(context, images)
        label(context, images[-102:])
        begin(at(context, 20), 2, TriggerKind.TIME)
        end(at(context, 21), 2, "cannot tell")
        yield context


def file_of(context: OperateContext) -> Path:
    assert context.settings.monitoring.prometheus
    return Path(context.settings.monitoring.prometheus)


def test_a_look_is_written_for_prometheus(served: OperateContext) -> None:
    then = at(served, 60)
    assert publish(then, then.journal.state(), watch(then, then.journal.state())) == []
    values = read(file_of(served).read_text())
    assert of(values, "info", version="v0001", round="1") == 1
    assert of(values, "rounds", outcome="promoted") == 1
    assert of(values, "rounds", outcome="cannot tell") == 1
    assert of(values, "rounds", outcome="kept") == 0
    assert of(values, "last_round_seconds") == 86400
    assert of(values, "round_under_way") == 0
    assert of(values, "images", status="labelled") == 102
    assert of(values, "images", status="new") == 618
    assert of(values, "drift_change", figure="brightness") < -0.4
    assert of(values, "drift_margin", figure="brightness") == 0.15
    assert of(values, "drift_drifted", figure="brightness") == 1
    assert of(values, "performance_value", metric="precision") == 1
    assert of(values, "performance_bound", metric="precision") == 0.9
    assert of(values, "answers", version="v0001") == 80
    assert of(values, "latency_p95_seconds", version="v0001") == pytest.approx(0.016)
    assert of(values, "last_look_timestamp_seconds") == then.now.timestamp()
    assert of(values, "alerts") == 1, "the drift"
    assert list(file_of(served).parent.iterdir()) == [file_of(served)], "nothing half written is left"


def test_a_pipeline_that_has_done_nothing_has_metrics(tmp_path: Path) -> None:
    with pipeline(tmp_path, f"monitoring.prometheus={tmp_path}/p.prom") as context:
        assert publish(context, context.journal.state(), None) == []
        values = read((tmp_path / "p.prom").read_text())
        assert of(values, "images", status="new") == 0
        assert ("info", frozenset()) not in values


def test_metrics_over_http_are_those_of_the_last_look(served: OperateContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"monitoring.listen: cannot listen on 127.0.0.1:{port}"):
            MetricsEndpoint(f"127.0.0.1:{port}")
    endpoint = MetricsEndpoint(f"127.0.0.1:{port}")
    try:
        for day, begun in ((40, 0), (41, 3)):
            then = at(served, day)
            if begun:
                begin(then, begun, TriggerKind.BY_HAND)
            publish(then, then.journal.state(), watch(then, then.journal.state()), endpoint=endpoint)
            with urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
                assert of(read(reply.read().decode()), "round_under_way") == begun
    finally:
        endpoint.close()


def test_what_cannot_be_written_is_a_line(served: OperateContext) -> None:
    file_of(served).mkdir(parents=True)
    problems = publish(served, served.journal.state(), None)
    assert len(problems) == 1
    assert problems[0].startswith("metrics: not written (")
    assert served.paths.page.exists()
