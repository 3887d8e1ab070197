"""Settings of a cluster: what means nothing to an engine is refused, and no study keeps any of it."""

import pytest

import search
from search.settings.settings import load_settings
from spaces.errors import SettingsError


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("cluster=rai", "unknown option 'rai'; nearest: ray"),
        ("cluster.workers=3", r"needs an engine, got none; give cluster=local\|ray"),
        ("cluster=ray cluster.workers=0", "must be 1 or more, got 0"),
        ("cluster=local cluster.gpus=1", "cluster.gpus: means nothing to cluster=local; it takes workers, logs"),
        ("cluster=dask cluster.cpus=2", "cluster.cpus: means nothing to cluster=dask"),
        ("cluster=ray cluster.partition=gpu", "cluster.partition: means nothing to cluster=ray"),
        ("cluster=ray cluster.gpus=1.5", "auto, 0, a share below 1, or a whole number, got '1.5'"),
        ("cluster=ray cluster.gpus=many", "auto, 0, a share below 1, or a whole number, got 'many'"),
        ("cluster=slurm cluster.gpus=0.5", "Slurm hands out whole GPUs, got '0.5'"),
        ("cluster=slurm cluster.hours=0", "must be positive or null"),
        ("cluster=ray cluster.cpus=0", "cluster.cpus: must be 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(line: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        load_settings(["conf=smoke", *line.split()])


def test_settings_of_an_engine_are_read() -> None:
    line = ["cluster=slurm", "cluster.workers=8", "cluster.extra={account: vision}", "cluster.partition=gpu"]
    cluster = load_settings(["conf=smoke", *line]).cluster
    assert (cluster.workers, cluster.gpus_each, cluster.extra) == (8, 1.0, {"account": "vision"})
    assert load_settings(["conf=smoke", "cluster=ray", "cluster.address=head:6379"]).cluster.address == "head:6379"
    assert load_settings(["conf=smoke", "cluster=ray"]).cluster.gpus_each is None


def test_a_study_does_not_keep_where_its_workers_ran() -> None:
    assert load_settings(["conf=smoke", "cluster=ray"]).to_json() == load_settings(["conf=smoke"]).to_json()


def test_a_call_starts_no_workers() -> None:
    with pytest.raises(SettingsError, match="a call searches alone; got local"):
        search.search(load_settings(["conf=smoke", "cluster=local"]))
