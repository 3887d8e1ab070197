"""Files of trials in a place for objects: whole or not at all, the newest where it is needed, and nothing left over."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cut_line import cut_line
from kept_study import CHECKPOINT, KeptStudy
from optuna.trial import TrialState
from s3_server import S3Server

from search.study.claims.contract import LeaseLost
from search.study.files.local import kept_at_rest
from search.study.files.open import check_place
from search.study.files.place import FileLost, open_place
from spaces.errors import AutomlError, StoreError


@pytest.fixture
def kept(tmp_path: Path, artifacts: str) -> KeptStudy:
    return KeptStudy(tmp_path, artifacts)


@pytest.fixture
def kept_here(tmp_path: Path) -> KeptStudy:
    return KeptStudy(tmp_path, (tmp_path / "artifacts").as_uri())


def wait_until(what: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def test_another_machine_has_what_a_trial_has_left(kept: KeptStudy) -> None:
    number = kept.begin()
    with kept.machine("one") as one, kept.machine("two", session=1) as two:
        one.write(number, checkpoint="epoch 1", weights_pt="weights", model_onnx="model", log_txt="log")
        one.files.flush(number)
        two.files.bring(kept.trial(number))
        assert kept_at_rest(two.trial(number).folder).keys() == kept.listed(number).keys()
        for name, path in kept_at_rest(one.trial(number).folder).items():
            assert (two.trial(number).folder / name).read_bytes() == path.read_bytes()
    assert kept.objects() == kept.needed()


def test_what_is_being_written_and_what_are_other_trials_is_not_kept(kept_here: KeptStudy) -> None:
    number = kept_here.begin()
    with kept_here.machine("one") as one:
        one.write(number, weights_pt="w", untrained_onnx="u")
        folder = one.trial(number).folder
        (folder / "model.onnx.partial").write_text("half")
        child = one.trial(number).child("3f29").folder
        child.mkdir(parents=True)
        (child / "weights.pt").write_text("child")
        one.files.flush(number)
        assert kept_here.listed(number).keys() == {"weights.pt"}
        assert one.files.keep(child).keys() == {"weights.pt"}


def test_checkpoints_are_uploaded_while_a_trial_trains_and_old_ones_go(kept: KeptStudy) -> None:
    number = kept.begin()
    with kept.machine("one") as one:
        for epoch in ("epoch 1", "epoch 2"):
            one.write(number, checkpoint=epoch, log_txt="a log that grows")
            before = kept.listed(number)
            wait_until(lambda before=before: one.files.changed(number) or kept.listed(number) != before)
        assert kept.listed(number).keys() == {CHECKPOINT}
    assert len(kept.objects()) == 1


def test_the_generation_before_is_kept_where_a_death_has_left_no_other(kept_here: KeptStudy) -> None:
    number = kept_here.begin()
    with kept_here.machine("one") as one:
        one.write(number, checkpoint="epoch 1")
        path = one.trial(number).folder / CHECKPOINT
        path.rename(path.with_name("checkpoint.previous.pt"))
        one.files.flush(number)
        assert kept_here.listed(number).keys() == {"training-1/checkpoint.previous.pt"}
        one.write(number, checkpoint="epoch 2")
        one.files.flush(number)
        assert kept_here.listed(number).keys() == {CHECKPOINT}
    assert kept_here.objects() == kept_here.needed()


def test_an_older_checkpoint_of_this_machine_gives_way_to_the_other_machines(kept: KeptStudy) -> None:
    number = kept.begin()
    with kept.machine("one") as one, kept.machine("two", session=1) as two:
        one.write(number, checkpoint="epoch 1")
        one.files.flush(number)
        two.files.bring(kept.trial(number))
        two.write(number, checkpoint="epoch 2")
        two.files.flush(number)
        (one.trial(number).training(1)).mkdir()
        (one.trial(number).training(1) / "checkpoint.pt").write_text("of the older history")
        one.files.bring(kept.trial(number))
        assert one.checkpoint(number) == "epoch 2"
        assert not (one.trial(number).training(1) / "checkpoint.pt").exists()


@pytest.mark.parametrize("brought", [False, True])
def test_a_newer_checkpoint_of_this_machine_stays_though_it_was_never_uploaded(
    kept_here: KeptStudy, brought: bool
) -> None:
    number = kept_here.begin()
    with kept_here.machine("one") as one:
        one.write(number, checkpoint="epoch 1")
        one.files.flush(number)
    name = "two" if brought else "one"
    with kept_here.machine(name, session=1) as again:
        again.files.bring(kept_here.trial(number))
        again.write(number, checkpoint="epoch 2")  # and killed before anything was uploaded
    with kept_here.machine(name, session=2) as again:
        again.files.bring(kept_here.trial(number))
        assert again.checkpoint(number) == "epoch 2"


def test_a_damaged_object_is_lost_and_no_file_is_made(kept_here: KeptStudy, tmp_path: Path) -> None:
    number = kept_here.begin()
    with kept_here.machine("one") as one, kept_here.machine("two", session=1) as two:
        one.write(number, weights_pt="weights")
        one.files.flush(number)
        (name,) = kept_here.objects()
        (tmp_path / "artifacts" / name).write_text("weigh")
        with pytest.raises(FileLost, match="is damaged"):
            two.files.bring(kept_here.trial(number))
        assert not two.trial(number).weights.exists()
        (tmp_path / "artifacts" / name).unlink()
        with pytest.raises(FileLost, match="any more"):
            two.files.bring(kept_here.trial(number))


def test_a_list_that_was_read_too_early_is_read_again(kept_here: KeptStudy) -> None:
    number = kept_here.begin()
    with kept_here.machine("one") as one, kept_here.machine("two", session=1) as two:
        one.write(number, checkpoint="epoch 1")
        one.files.flush(number)
        early = kept_here.trial(number)
        one.write(number, checkpoint="epoch 2")
        one.files.flush(number)
        wait_until(lambda: len(kept_here.objects()) == 1)
        two.files.bring(early)
        assert two.checkpoint(number) == "epoch 2"


def test_checkpoints_go_with_the_end_of_a_trial_and_are_not_brought(kept: KeptStudy) -> None:
    number = kept.begin()
    with kept.machine("one") as one, kept.machine("two", session=1) as two:
        one.write(number, checkpoint="epoch 1", weights_pt="weights")
        one.files.flush(number)
        kept.study.tell(number, state=TrialState.PRUNED)
        one.files.ended(number)
        wait_until(lambda: len(kept.objects()) == 1)
        two.files.bring(kept.trial(number))
        assert [path.name for path in two.trial(number).folder.iterdir() if path.suffix == ".pt"] == ["weights.pt"]
        assert kept.objects() == kept.needed()


def test_a_sweep_takes_what_dead_sessions_have_left_and_nobody_lists(kept: KeptStudy) -> None:
    number = kept.begin()
    with kept.machine("one", session=3) as one:
        one.write(number, checkpoint="epoch 1", weights_pt="weights")
        one.files.flush(number)
    listed = kept.objects()
    for session in (3, 4):
        with (kept.root / "left").open("w+b") as left:
            left.write(b"of a session that was killed before it listed it")
            left.seek(0)
            kept.place.write(f"study-0123/trials/00000/weights.pt.{session}.0123", left)
            left.seek(0)
            kept.place.write(f"another-4567/trials/00000/weights.pt.{session}.0123", left)
    with kept.machine("two", session=5) as two:
        two.files.sweep([3])
    left_over = kept.objects() - listed
    assert {name.rpartition("/")[2] for name in left_over if name.startswith("study")} == {"weights.pt.4.0123"}
    assert sum(name.startswith("another") for name in left_over) == 2


@pytest.mark.seconds
def test_a_search_goes_on_while_the_bucket_is_away(tmp_path: Path, s3: S3Server, bucket: str) -> None:
    with cut_line(s3.port) as line, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3.environment(line.port)["AWS_ENDPOINT_URL"])
        kept = KeptStudy(tmp_path, bucket)
        number = kept.begin()
        with kept.machine("one") as one:
            line.cut()
            one.write(number, checkpoint="epoch 1")
            began = time.monotonic()
            one.files.changed(number)
            assert time.monotonic() - began < 1
            wait_until(lambda: one.files.changed(number) or one.said)
            assert kept.listed(number) == {}
            line.mend()
            one.write(number, checkpoint="epoch 2")
            one.files.flush(number)
            assert kept.listed(number).keys() == {CHECKPOINT}
            assert [said.partition("; ")[2] for said in one.said[:1]] == ["trials go on, uploads wait"]
            assert one.said[1:] == ["files: uploads go on"]
        assert kept.objects() == kept.needed()


@pytest.mark.seconds
def test_a_flush_that_waits_too_long_is_an_error_of_one_line(tmp_path: Path, s3: S3Server, bucket: str) -> None:
    with cut_line(s3.port) as line, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3.environment(line.port)["AWS_ENDPOINT_URL"])
        kept = KeptStudy(tmp_path, bucket)
        number = kept.begin()
        with kept.machine("one", wait_s=0.5) as one, kept.machine("two", session=1, wait_s=0.5) as two:
            line.cut()
            one.write(number, checkpoint="epoch 1")
            with pytest.raises(StoreError, match=r"^files: 's3://.*store\.wait_s.*the same line goes on$"):
                one.files.flush(number)
            one.files.flush(number, seconds=0.1)  # whoever leaves does not insist
            assert kept.listed(number) == {}
            line.mend()
            one.files.flush(number)
            line.cut()
            with pytest.raises(StoreError, match=r"store\.wait_s"):
                two.files.bring(kept.trial(number))
            line.mend()
            two.files.bring(kept.trial(number))
            assert two.checkpoint(number) == "epoch 1"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/folder", "must be a folder, file://FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, got 'ftp"),
        ("s3:///prefix", "must be a folder"),
        ("s3://KEY:geheim@bucket/prefix", "must name no user, key or password, got one in 's3://...'"),
        pytest.param("s3://nobody/prefix", "NoSuchBucket", marks=pytest.mark.seconds),
        ("gs://bucket/prefix", "pip install google-cloud-storage"),
    ],
)
def test_a_place_that_cannot_be_used_is_one_line(url: str, words: str, request: pytest.FixtureRequest) -> None:
    if url.startswith("s3://nobody"):
        request.getfixturevalue("bucket")
    with pytest.raises(AutomlError, match=r"^store\.artifacts: ") as refused:
        check_place(open_place(url), "probe")
    assert words in str(refused.value)
    assert "geheim" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_was_refused_is_uploaded_once_more(kept_here: KeptStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial was another process's for a while, came back, and nobody has written its checkpoint meanwhile."""
    number = kept_here.begin()
    with kept_here.machine("one") as one:
        one.write(number, checkpoint="epoch 1")
        with monkeypatch.context() as lost:
            lost.setattr(kept_here.study._storage, "set_trial_user_attr", _refuse)
            one.files.flush(number)
        assert kept_here.listed(number) == {}
        one.files.flush(number)
        assert kept_here.listed(number).keys() == {CHECKPOINT}
    assert kept_here.objects() == kept_here.needed()


def _refuse(*_: object) -> None:
    raise LeaseLost(0)
