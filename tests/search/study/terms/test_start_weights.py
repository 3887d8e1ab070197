"""What the trials of a study start from: found before the first, a part of the contract, the same ever after."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import optuna
import pytest
from command_line import automl
from quick_search import begun
from small_hub import SmallHub, small_hub

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from reports.table.table import StudyTable
from search.commands import export, train
from search.settings.baseline import BaselineSettings
from search.settings.settings import Settings, load_settings
from search.study.fork import ensure_fork, forked_settings
from search.study.queued.baseline import stock
from search.study.store import create_study, existing_study, open_storage, storage_url
from search.study.terms.contract import Contract
from search.study.terms.start_weights import fetch_starts, start_alone
from spaces.candidate import Candidate
from spaces.errors import SpaceError, StoreError
from spaces.network.baseline import Baseline

NAME = "lcnet_050.ra2_in1k"
TINY = {"backbone.name": "lcnet_050", "size.pixels": 64, "train.pretrained": "hub"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "automl" / "weights"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "published").mkdir()
    return tmp_path / "published"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    with small_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield running


def settings_of(tmp_path: Path, *overrides: str, folder: Path | None = None) -> Settings:
    pretrained = ["space/train=pretrained", "space.backbone.name=lcnet_050"]
    named = [f"pretrained.folder={folder}"] if folder else []
    return load_settings(["conf=smoke", f"store.folder={tmp_path / 'runs'}", *pretrained, *named, *overrides])


def make(settings: Settings, dataset: Dataset) -> tuple[optuna.Study, list[str]]:
    """Do what a search does before its first trial; return the study, and what people are to know."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    storage = open_storage(storage_url(settings.folder, None))
    notes = fetch_starts(settings, existing_study(settings, storage), lambda _: None)
    return create_study(settings, dataset, storage), notes


def part(study: optuna.Study) -> dict[str, str]:
    return dict(json.loads(study.user_attrs[keys.FINGERPRINTS]["weights"]))


def put(folder: Path, content: bytes) -> str:
    (folder / f"{NAME}.safetensors").write_bytes(content)
    return sha256(content).hexdigest()


def test_a_study_keeps_the_hash_and_refuses_other_weights(tmp_path: Path, folder: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, folder=folder)
    then = put(folder, b"then")
    study, notes = make(settings, blocks)
    assert (part(study), notes) == ({NAME: then}, [])
    assert make(settings, blocks)[0].user_attrs == study.user_attrs
    now = put(folder, b"now")
    with pytest.raises(StoreError) as caught:
        make(settings, blocks)
    first, line = str(caught.value).splitlines()
    assert "was made with another weights;" in first
    assert line == f"  weights: {NAME}: sha256 {then[:12]} -> sha256 {now[:12]}"
    (folder / f"{NAME}.safetensors").unlink()
    with pytest.raises(StoreError, match=f"weights: {NAME}: sha256 {then[:12]} -> random"):
        make(settings, blocks)


def test_a_fork_keeps_no_trial_from_other_weights(tmp_path: Path, folder: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, folder=folder)
    put(folder, b"then")
    study, _ = make(settings, blocks)
    trial = study.ask()
    trial.set_user_attr(keys.CANDIDATE, TINY)
    study.tell(trial, [0.5, 2.0])
    now = put(folder, b"now")
    fork = forked_settings(settings, "fork")
    fork.folder.mkdir()
    made = ensure_fork(settings, fork, blocks)
    assert made is not None
    assert str(made.comparison).startswith("none of ")
    assert "accuracies of trainings from other weights cannot be compared" in str(made.comparison)
    assert part(make(fork, blocks)[0]) == {NAME: now}


def test_a_study_that_began_without_goes_on_without(
    tmp_path: Path, folder: Path, cache: Path, hub: SmallHub, blocks: Dataset
) -> None:
    """First no file is there, later one is: trials from both could not be compared."""
    settings = settings_of(tmp_path, folder=folder)
    study, notes = make(settings, blocks)
    assert part(study) == {NAME: "random"}
    assert len(notes) == 1
    assert f"answers 404 Not Found; these start from random weights: {NAME}; put the files into" in notes[0]
    hub.files[f"/timm/{NAME}/resolve/main/model.safetensors"] = b"weights"
    again, notes = make(settings, blocks)
    assert (part(again), notes) == ({NAME: "random"}, [])
    assert not list(cache.glob("*"))  # nothing is fetched that is not used
    put(folder, b"weights")
    again, notes = make(settings, blocks)
    assert part(again) == {NAME: "random"}
    assert notes == [
        f"pretrained: the study began without {NAME} and goes on so, to compare its trials; "
        "name=NEW starts from the weights that are here now"
    ]
    with begun(settings, blocks) as search:
        assert search.jobs.job(0, Candidate.of(TINY)).start is None
    assert part(make(settings_of(tmp_path, "name=new", folder=folder), blocks)[0])[NAME] != "random"


def test_a_search_fetches_before_its_first_trial_and_trials_get_the_file(
    tmp_path: Path, cache: Path, hub: SmallHub, blocks: Dataset
) -> None:
    hub.files[f"/timm/{NAME}/resolve/main/model.safetensors"] = b"weights"
    settings = settings_of(tmp_path)
    study, notes = make(settings, blocks)
    assert (part(study), notes) == ({NAME: sha256(b"weights").hexdigest()}, [])
    with begun(settings, blocks) as search:
        start = search.jobs.job(0, Candidate.of(TINY)).start
        assert start is not None
        assert start.path == cache / f"{NAME}.safetensors"
        assert search.jobs.job(0, Candidate.of({**TINY, "train.pretrained": "none"})).start is None


def test_a_study_of_an_older_automl_learns_the_part(tmp_path: Path, folder: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, folder=folder)
    then = put(folder, b"then")
    study, _ = make(settings, blocks)
    older = {k: v for k, v in study.user_attrs[keys.FINGERPRINTS].items() if k != "weights"}
    study.set_user_attr(keys.FINGERPRINTS, older)
    assert part(make(settings, blocks)[0]) == {NAME: then}


def test_a_space_without_pretrained_weights_asks_nobody(tmp_path: Path, hub: SmallHub, blocks: Dataset) -> None:
    study, notes = make(load_settings(["conf=smoke", f"store.folder={tmp_path}"]), blocks)
    assert (part(study), notes, hub.asked) == ({}, [], [])


def test_a_checkpoint_that_a_space_names_is_a_part_too(tmp_path: Path, blocks: Dataset) -> None:
    path = tmp_path / "mine.pt"
    settings = settings_of(tmp_path, f"space.train.pretrained={path}")
    with pytest.raises(SpaceError, match=r"mine\.pt' is not a file; name a checkpoint, or take none or hub"):
        make(settings, blocks)
    path.write_bytes(b"one")
    study, _ = make(settings, blocks)
    assert part(study) == {str(path): sha256(b"one").hexdigest()}
    path.write_bytes(b"another")
    assert Contract.stored(study).differing(Contract.of(settings, blocks)) == ["weights"]


def test_one_training_starts_as_the_search_did(folder: Path, hub: SmallHub) -> None:
    candidate, said = Candidate.of(TINY), list[str]()
    digest = put(folder, b"weights")
    start = start_alone(candidate, str(folder), digest, said.append)
    assert start is not None
    assert (start.sha256, said) == (digest, [])
    assert start_alone(candidate, str(folder), "random", said.append) is None
    assert start_alone(candidate, str(folder), "0" * 64, said.append) == start
    assert [line for line in said if "is another file than the search started from" in line] == said != []
    assert start_alone(candidate, None, None, said.append) is None  # the hub has none
    assert "answers 404" in said[-1]


def test_an_export_names_the_weights_and_its_training_finds_them(
    report_table: Callable[..., StudyTable], folder: Path
) -> None:
    table = report_table(12)
    row = replace(table.finished[0], candidate=TINY)
    digest = put(folder, b"weights")
    settings = {**table.settings, "pretrained": {"folder": str(folder)}}
    for kept in (digest, "random"):
        fingerprints = {**table.fingerprints, "weights": json.dumps({NAME: kept})}
        told = replace(table, settings=settings, fingerprints=fingerprints)
        config = export._start(export.Exported(told, row, row))
        assert config == {"start": {"name": NAME, "sha256": kept}, "pretrained": {"folder": str(folder)}}
        start = train._start(config, Candidate.of(TINY), print)
        assert (start.sha256 if start else "random") == kept
        assert train._start({**config, "pretrained.folder": "null"}, Candidate.of(TINY), list[str]().append) is None
    assert export._start(export.Exported(table, row, row)) == {}  # an older automl kept no hashes


# The baseline's


def baseline_settings(tmp_path: Path, folder: Path, *overrides: str) -> Settings:
    """Return settings of a search whose space starts from random weights, and whose baseline does not."""
    line = ["conf=smoke", f"store.folder={tmp_path / 'runs'}", f"pretrained.folder={folder}", *overrides]
    return load_settings(line)


def test_the_baseline_starts_from_its_published_weights(tmp_path: Path, folder: Path, blocks: Dataset) -> None:
    settings = baseline_settings(tmp_path, folder, "baseline=yolo26n")
    (folder / "yolo26n.pt").write_bytes(b"published")
    study, notes = make(settings, blocks)
    assert (part(study), notes) == ({"yolo26n": sha256(b"published").hexdigest()}, [])
    with begun(settings, blocks) as search:
        candidate, proposal = stock("yolo26n", search.jobs)
        start = search.jobs.baseline(0, candidate).start
    assert start is not None
    assert start.path == folder / "yolo26n.pt"
    assert "from its published weights (yolo26n)" in proposal.why


def test_that_they_are_not_there_is_said(
    tmp_path: Path, folder: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spaces.network.published.ASSETS", "http://127.0.0.1:9")  # nobody listens
    study, (note,) = make(baseline_settings(tmp_path, folder, "baseline=yolo11n"), blocks)
    assert part(study) == {"yolo11n": "random"}
    assert "these start from random weights: yolo11n; put the files into pretrained.folder=DIR" in note


def test_a_preset_changes_nothing_of_a_study_that_has_none(tmp_path: Path, folder: Path, blocks: Dataset) -> None:
    """Its contract names no weights of a baseline, then and now, and no hub is asked."""
    (folder / "yolo26n.pt").write_bytes(b"published")
    before = baseline_settings(tmp_path, folder)
    study, _ = make(before, blocks)
    assert part(study) == {}
    preset = replace(before, baseline=BaselineSettings(Baseline.parse("yolo11n")))
    again, notes = make(preset, blocks)
    assert (part(again), notes) == ({}, [])
    named = baseline_settings(tmp_path, folder, "baseline=yolo26n")
    assert part(make(named, blocks)[0]) == {"yolo26n": sha256(b"published").hexdigest()}
    assert set(part(make(preset, blocks)[0])) == {"yolo26n"}  # it has one by now


def test_weights_lists_the_baselines(tmp_path: Path, folder: Path) -> None:
    (folder / "yolo26n.pt").write_bytes(b"published")
    done = automl("weights", "conf=smoke", "baseline=yolo26n", f"pretrained.folder={folder}", folder=tmp_path)
    assert "yolo26n.pt" in done.stdout
    assert "1 file, 0 missing" in done.stdout
