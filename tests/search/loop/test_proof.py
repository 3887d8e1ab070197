"""A proof: finalists and the baseline trained again with other seeds, as trials of their study."""

import math
import os
import pickle
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import create_trial
from quick_search import begun, elastic_settings, epochs_of, plant, released, run, settings_of, taken, wait_until
from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.proof import Length, ProofTerms
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from objectives.trial.job import HELD_OUT_LEAST
from reports.table.proof.contestants import ProofVerdict, baseline_of, read_proof
from reports.table.proof.shipped import picked, proven_lines
from reports.table.proof.start import goes_on, training_of, went_on_from
from reports.table.proof.words import details as proof_details
from reports.table.proof.words import stale_sentence, verdict_sentence
from reports.table.proof.words import test_sentences as sentences_of_test
from reports.table.table import StudyTable, read_study
from search.loop.proof.finalists import Lengths, new_proof
from search.loop.proof.split_scores import unseen_split
from search.loop.run import open_proof, run_to_its_end
from search.register.exported import Exported
from search.settings.settings import Settings
from search.study.store import load_study
from search.view.lines import LineView
from spaces.candidate import Candidate
from spaces.errors import AutomlError, SettingsError, StoreError

INLINE = "trial.backend=inline"
ENOUGH = ("budget.trials=4", "pruner=none", INLINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Path:
    """A study of four trials, made once and copied."""
    folder = tmp_path_factory.mktemp("made")
    return searched(folder, blocks).folder


def searched(folder: Path, dataset: Dataset, *overrides: str) -> Settings:
    settings = settings_of(folder, *ENOUGH, *overrides)
    run(settings, dataset)
    return settings


@pytest.fixture
def settings(made: Path, tmp_path: Path) -> Settings:
    """Settings of a study of four trials."""
    shutil.copytree(made, tmp_path / made.name)
    return settings_of(tmp_path, *ENOUGH)


def study_of(settings: Settings) -> optuna.Study:
    return load_study(settings.folder.parent, settings.name, None)


def table_of(settings: Settings) -> StudyTable:
    return read_study(study_of(settings))


def proofs_of(settings: Settings) -> list[TrialRecord]:
    return [trial for trial in trial_records(study_of(settings)) if trial.is_proof]


def prove(settings: Settings, dataset: Dataset, *, anew: bool = False, asked: bool = False, again: bool = False) -> str:
    """Do the proof, and return what its view has written."""
    out = StringIO()
    console = Console(file=out, width=250)
    with open_proof(settings, dataset, lambda _: LineView(console, settings), anew=anew, asked=asked) as opened:
        run_to_its_end(opened, again=again)
    return out.getvalue()


def plant_baseline(settings: Settings, like: int, name: str = "yolo26n", map_: float | None = None) -> int:
    """Add a stock detector to a study: another trial's figures under a name of its own; return its number."""
    return plant_trial(settings, like, map_, {keys.BASELINE: name})


def plant_trial(settings: Settings, like: int, map_: float | None, attributes: dict[str, Any]) -> int:
    """Add a trial to a study that ends now: another one's detector, with these attributes and mAP."""
    study = study_of(settings)
    one = study.get_trials(deepcopy=False)[like]
    values = [one.values[0] if map_ is None else map_, one.values[1]]
    study.add_trial(
        create_trial(
            params=one.params,
            distributions=one.distributions,
            values=values,
            user_attrs={**one.user_attrs, **attributes},
        )
    )
    return len(study.get_trials(deepcopy=False)) - 1


HEAD = """
import pickle, sys, time
from pathlib import Path
from quick_search import begun, settings_of
from search.loop.run import open_proof, run_to_its_end
from search.view.base import View

if __name__ == "__main__":
    settings = settings_of(Path(sys.argv[1]), *sys.argv[3:])
    dataset = pickle.loads(Path(sys.argv[2]).read_bytes())
"""
PROVES = """
    with open_proof(settings, dataset, lambda _: View()) as opened:
        run_to_its_end(opened)
"""
SEARCHES = """
    with begun(settings, dataset):
        print("in", flush=True)
        time.sleep(100)
"""


def in_a_process(folder: Path, does: str, dataset: Dataset) -> subprocess.Popen[bytes]:
    """Let a process of its own search a study or do its proof, trials in processes of theirs."""
    script, pickled = folder / "child.py", folder / "dataset.pickle"
    script.write_text(HEAD + does)
    pickled.write_bytes(pickle.dumps(dataset))
    line = [sys.executable, str(script), str(folder), str(pickled), *ENOUGH, "trial.backend=process"]
    return subprocess.Popen(line, stdout=subprocess.PIPE, env=os.environ)


@pytest.mark.seconds
def test_finalists_are_trained_again_with_the_same_other_seeds(settings: Settings, blocks: Dataset) -> None:
    before = table_of(settings)
    said = prove(settings, blocks)
    best = [row.number for row in sorted(before.finished, key=lambda row: -(row.map or 0.0))[:3]]
    proofs = proofs_of(settings)
    assert [trial.proves for trial in proofs] == best * 3  # seed by seed
    assert [trial.seed for trial in proofs] == [1042] * 3 + [2042] * 3 + [3042] * 3
    trials = trial_records(study_of(settings))
    for trial in proofs:
        of = trials[-1 if trial.proves is None else trial.proves]
        assert trial.phase is Phase.FINISHED
        assert (trial.candidate, trial.params) == (of.candidate, of.params)
        assert trial.rungs[-1].epoch == 16  # four times a trial's, as `automl train`
        assert trial.terms == ProofTerms(16)
        assert trial.map != of.map
        assert trial.folder == f"trials/{trial.number:05d}"
    assert f"proof of {best[0]}, seed 1042" in said
    assert "\nthe proof is complete" in said


@pytest.mark.slow
@pytest.mark.seconds
def test_a_proof_changes_nothing_of_the_search(settings: Settings, blocks: Dataset) -> None:
    before = table_of(settings)
    prove(settings, blocks)
    after = table_of(settings)
    assert [row.number for row in after.front] == [row.number for row in before.front]
    assert [row.number for row in after.finished] == [row.number for row in before.finished]
    assert not any(row.on_front or row.passes_gate for row in after.rows if row.is_proof)
    with begun(replace(settings, budget=replace(settings.budget, trials=6)), blocks) as search:
        assert search.used().trials == 4
        seconds = search.session.searched_s()
        search.run()
    trials = trial_records(study_of(settings))
    assert sum(not trial.is_proof for trial in trials) == 6
    spans = StudyRecord.of(study_of(settings)).sessions
    assert [session.proves for session in spans.values()] == [False, True, False]
    first = spans[0].spans
    assert seconds == pytest.approx(sum(end - begin for begin, end in first), abs=2.0)  # the proof's are not in it


@pytest.mark.slow
@pytest.mark.seconds
def test_the_winner_has_the_best_lower_bound_and_beats_the_baseline(settings: Settings, blocks: Dataset) -> None:
    worst = min(table_of(settings).finished, key=lambda row: row.map or 0.0)
    number = plant_baseline(settings, worst.number)
    prove(settings, blocks)
    table = table_of(settings)
    proof = read_proof(table)
    assert proof is not None
    assert proof.record.baseline == number
    assert baseline_of(table.rows) == table.row(number)
    assert number not in proof.record.finalists
    assert proof.is_complete
    assert proof.total == 12
    winner = proof.winner
    assert winner is not None
    assert winner.map is not None
    assert winner.map.low == max(one.map.low for one in proof.finalists if one.map)
    assert proof.verdict is ProofVerdict.BETTER
    assert verdict_sentence(proof).startswith(f"Trial {winner.number} beats the baseline yolo26n by 0.")
    maps = [row.map for row in winner.trainings]
    assert winner.map.mean == pytest.approx(math.fsum(map_ or 0.0 for map_ in maps) / 3)
    assert winner.p50_ms is not None
    assert winner.p50_ms.half == pytest.approx(0.0, abs=1e-9)  # the quick trainer's latency is a formula
    assert not winner.is_alike  # four times as long as in the search
    assert proof.shipped == winner.trainings[0]


@pytest.mark.slow
@pytest.mark.seconds
def test_a_baseline_that_is_proven_better_ships_if_it_keeps_the_gate(settings: Settings, blocks: Dataset) -> None:
    from objectives.records.study_record import StudyWriter

    found = sorted(table_of(settings).finished, key=lambda row: row.map or 0.0)
    hopeful = plant_trial(settings, found[0].number, 0.999, {})  # that the worst one was so good was luck
    number = plant_baseline(settings, found[-1].number)
    prove(replace(settings, proof=replace(settings.proof, finalists=1)), blocks)
    table = table_of(settings)
    proof = read_proof(table)
    assert proof is not None
    assert proof.winner is not None
    assert proof.baseline is not None
    assert (proof.winner.number, proof.verdict) == (hopeful, ProofVerdict.WORSE)
    assert picked(table, "gate") == proof.baseline.trainings[0]
    assert picked(table, "gate").proves == number
    assert proof.to_json()["ships"] == picked(table, "gate").number
    assert verdict_sentence(proof).endswith("; --pick gate ships the baseline.")
    assert "--pick gate ships the baseline" in " ".join(proven_lines(table, picked(table, "gate")))
    study, (fast, slow) = study_of(settings), (found[0].p50_ms, found[-1].p50_ms)
    assert fast is not None
    assert slow is not None
    assert fast < slow
    StudyWriter(study).contract(replace(table.gate, p50_ms_max=fast + 1e-6), StudyRecord.of(study).fingerprints)
    strict = table_of(settings)
    assert picked(strict, "gate").proves == hopeful
    judged = read_proof(strict)
    assert judged is not None
    assert "the baseline breaks the gate by its means (p50 " in verdict_sentence(judged)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_proof_says_that_a_later_trial_leads(settings: Settings, blocks: Dataset) -> None:
    prove(replace(settings, proof=replace(settings.proof, seeds=2)), blocks)
    table = table_of(settings)
    proof = read_proof(table)
    assert proof is not None
    assert proof.winner is not None
    assert stale_sentence(proof) == ""
    of, least = proof.record.finalists[0], min(one.row.map or 0.0 for one in proof.finalists)
    plant_trial(settings, of, least, {})
    worse = read_proof(table_of(settings))
    assert worse is not None
    assert (worse.since.ended, stale_sentence(worse)) == (1, "")  # it leads nothing
    plant_baseline(settings, of, map_=0.9999)
    leader = plant_trial(settings, of, 0.999, {})
    stale = read_proof(table_of(settings))
    assert stale is not None
    said = f"3 trials have ended since the proof began; trial {leader} now leads by the search's figures: "
    assert stale_sentence(stale) == f"{said}`automl prove` again."
    assert stale_sentence(stale) in proof_details(stale)
    assert stale_sentence(stale) in list(proven_lines(table_of(settings), picked(table_of(settings), "gate")))
    prove(replace(settings, proof=replace(settings.proof, seeds=2)), blocks)
    again = read_proof(table_of(settings))
    assert again is not None
    assert again.record.finalists[0] == leader
    assert stale_sentence(again) == ""


@pytest.mark.seconds
def test_a_search_keeps_a_share_of_its_hours_for_the_proof(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, *ENOUGH, "budget.hours=0.5", "proof.share=0.4", "proof.seeds=2")
    search = run(settings, blocks)
    assert search.chooser.proves
    assert search.chooser.hours == 0.5
    proof = read_proof(search.table())
    assert proof is not None
    assert proof.is_complete
    assert proof.record.length == Length.TRIAL
    assert [epochs_of(t)[-1] for t in search.study.get_trials(deepcopy=False) if t.user_attrs.get(keys.SEED)] == [4] * 6
    assert proof.is_alike
    assert proof.optimism is not None
    with begun(settings, blocks) as again:
        assert again.chooser.hours == pytest.approx(0.3)  # the search's part
        again.run()
        assert len(proofs_of(settings)) == 6  # it was done


@pytest.mark.seconds
@pytest.mark.slow
def test_hours_that_end_in_the_proof_leave_it_to_the_next_line(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, *ENOUGH, "budget.hours=1", "proof.share=0.5")
    ahead_s = 0.0

    def clock() -> float:
        """From the proof's second training on, each look is four minutes later than the last."""
        nonlocal ahead_s
        ahead_s += 240.0 if (settings.folder / "trials" / "00005").exists() else 0.0
        return time.time() + ahead_s

    found = read_proof(run(settings, blocks, clock=clock).table())
    assert found is not None
    assert 0 < found.ended < found.total
    assert found.verdict is ProofVerdict.UNDER_WAY
    under_way = "^prove: a proof of 3 finalists, 3 seeds, 4 epochs, level 0.95 is under way; leave out"
    with pytest.raises(SettingsError, match=under_way):
        prove(replace(settings, proof=replace(settings.proof, seeds=5)), blocks, asked=True)
    five = replace(settings, proof=replace(settings.proof, epochs="trial", finalists=5))
    with pytest.raises(SettingsError, match=under_way):
        prove(five, blocks, asked=True)
    assert verdict_sentence(found).startswith(f"The proof is under way: {found.ended} of 9 trainings")
    prove(replace(settings, proof=replace(settings.proof, epochs="trial")), blocks, asked=True)
    whole = read_proof(table_of(settings))
    assert whole is not None
    assert whole.is_complete
    assert whole.record.begun == found.record.begun  # the same finalists went on


@pytest.mark.slow
@pytest.mark.seconds
def test_a_proof_that_is_killed_goes_on(settings: Settings, tmp_path: Path, blocks: Dataset) -> None:
    plant(settings, "trial6epoch9-hold")
    child = in_a_process(tmp_path, PROVES, blocks)
    wait_until(lambda: taken(settings.folder / "faults", "trial6epoch9-hold"))
    frozen = StudyRecord.of(study_of(settings)).proof
    with child:  # closes its pipe
        child.kill()
    for file in taken(settings.folder / "faults", "trial6epoch9-hold"):
        file.unlink()
    study = study_of(settings)
    plant_baseline(settings, 0)  # would be among the contestants of a new proof
    prove(settings, blocks)
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert proof.record == frozen
    assert proof.is_complete
    assert proof.failed == 0
    epochs = (settings.folder / "trials" / "00006" / "epochs.log").read_text().split()
    assert [int(epoch) for epoch in epochs] == list(range(1, 17))  # none twice: it went on from its checkpoint
    assert len([trial for trial in trial_records(study) if trial.is_proof]) == 9


@pytest.mark.slow
@pytest.mark.seconds
def test_two_workers_prove_at_once(settings: Settings, blocks: Dataset) -> None:
    two = replace(settings, workers=2, trial=replace(settings.trial, backend="process"))
    plant(settings, "trial6epoch2-hold", "trial7epoch2-hold")
    with released(settings, "trial[67]epoch2-hold", count=2):  # both are at work, or this waits for ever
        prove(two, blocks)
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert proof.is_complete
    assert {(trial.proves, trial.seed) for trial in proofs_of(settings)} == {
        (number, seed) for number in proof.record.finalists for seed in proof.record.seeds
    }


@pytest.mark.slow
@pytest.mark.seconds
def test_a_training_that_fails_leaves_the_others_their_interval(settings: Settings, blocks: Dataset) -> None:
    plant(settings, "trial4-diverge")
    prove(settings, blocks)
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert proof.is_complete
    assert proof.failed == 1
    first = proof.finalists[0]
    assert len(first.trainings) == 2
    assert first.map is not None
    assert first.map.n == 2


@pytest.mark.slow
@pytest.mark.seconds
def test_a_training_that_failed_begins_once_more_with_each_line(settings: Settings, blocks: Dataset) -> None:
    plant(settings, "trial4-diverge", "trial13-diverge")
    prove(settings, blocks)
    (failed,) = (trial for trial in proofs_of(settings) if trial.phase is Phase.FAILED)
    said = prove(settings, blocks)
    assert "1 training of the proof failed before: begun once more" in said
    assert "proof 9/9" in said
    again = proofs_of(settings)[-1]
    assert (again.number, again.phase) == (13, Phase.FAILED)  # and the line came to its end
    assert (again.proves, again.seed, again.terms) == (failed.proves, failed.seed, failed.terms)
    assert len(proofs_of(settings)) == 10
    said = prove(settings, blocks, anew=True)
    assert "--anew: finalists, seeds and lengths are those of the proof that there is" in said
    assert "1 training of the proof failed before" in said
    assert len(proofs_of(settings)) == 11
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert (proof.ended, proof.failed) == (9, 0)
    assert proof.finalists[0].trainings[0].number == 14
    said = prove(settings, blocks, anew=True)
    assert "so its trainings stand" in said
    assert "failed before" not in said
    assert len(proofs_of(settings)) == 11


@pytest.mark.slow
@pytest.mark.seconds
def test_a_search_leaves_a_complete_proof_alone_until_it_has_new_finalists(settings: Settings, blocks: Dataset) -> None:
    two = replace(settings, proof=replace(settings.proof, seeds=2))
    prove(two, blocks)
    known = StudyRecord.of(study_of(settings)).proof
    assert known is not None
    share = replace(two, budget=replace(two.budget, hours=1.0), proof=replace(two.proof, share=0.5))
    run(share, blocks)
    assert StudyRecord.of(study_of(settings)).proof == known
    plant_trial(settings, known.finalists[0], 0.0001, {})
    run(share, blocks)
    assert StudyRecord.of(study_of(settings)).proof == known  # trials have ended, and the finalists are the same
    best = plant_trial(settings, known.finalists[0], 0.999, {})
    late = run(share, blocks)
    assert late.chooser.proves
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert proof.record.finalists[0] == best
    assert proof.record.length == Length.TRIAL
    assert proof.is_complete


@pytest.mark.seconds
def test_a_search_without_time_left_begins_no_proof(settings: Settings, blocks: Dataset) -> None:
    two = replace(settings, proof=replace(settings.proof, seeds=2))
    prove(two, blocks)
    known = StudyRecord.of(study_of(settings)).proof
    plant_trial(settings, 0, 0.999, {})
    late = run(replace(two, budget=replace(two.budget, hours=1e-9), proof=replace(two.proof, share=0.5)), blocks)
    assert StudyRecord.of(study_of(settings)).proof == known
    assert not late.chooser.proves
    assert "no proof of what the search has found by now: its hours are used" in late.out.getvalue()


@pytest.mark.seconds
@pytest.mark.slow
def test_one_of_a_family_goes_on_from_its_own_weights(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path, INLINE, "trial.polish=0.5", "budget.trials=16")
    run(settings, blocks)
    table = table_of(settings)
    of_family = [row for row in table.finished if row.is_child or row.is_polish or row.family]
    assert of_family
    prove(settings, blocks)
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert all(one.is_of_family and not one.terms.again for one in proof.finalists)
    assert {one.terms.epochs for one in proof.finalists} == {16}
    assert len({tuple(one.row.candidate.items()) for one in proof.finalists}) == len(proof.finalists)
    for trial in proofs_of(settings):
        assert trial.family == {}
        assert trial.latency is not None
        assert not trial.has_quick_latency
    for one in proof.finalists:
        (settings.folder / (one.row.folder or "") / "weights.pt").unlink()
    prove(settings, blocks)  # what it went on from is gone, and the proof stands
    assert StudyRecord.of(study_of(settings)).proof == proof.record


@pytest.mark.slow
@pytest.mark.seconds
def test_a_file_in_int8_is_trained_anew_as_its_parent_is(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, *ENOUGH, "proof.epochs=trial", "space/deploy=int8")
    run(settings, blocks)
    parent = next(row for row in table_of(settings).finished if row.family)
    candidate = {**parent.candidate, "deploy.precision": "int8"}
    as_child = {keys.PARENT: parent.number, keys.CANDIDATE: candidate, keys.FAMILY: {}, keys.RUNGS: []}
    number = plant_trial(settings, parent.number, 0.99, {**as_child, keys.FOLDER: "trials/none"})  # needs no weights
    table = table_of(settings)
    child = table.row(number)
    assert child.is_child
    assert not goes_on(child, table.rows)
    assert not goes_on(parent, table.rows)
    assert not Exported(table, child, parent).keeps_weights  # so `automl train` begins anew too
    several = replace(settings, proof=replace(settings.proof, finalists=4))
    record = new_proof(table, several, Lengths(4, 1), Length.FULL)
    assert child.number in record.finalists
    assert {one.terms for one in record.contestants} == {ProofTerms(4, held_out=False)}
    prove(several, blocks)
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert proof.is_alike
    assert not any(one.is_of_family for one in proof.finalists)
    with begun(several, blocks) as search:
        trials = trial_records(search.study)
        pieces = [trial for trial in trials if trial.proves == child.number]
        jobs = [search.jobs.proof(one.number, Candidate.of(one.candidate), one, trials) for one in pieces]
    assert len(jobs) == settings.proof.seeds
    assert all(job.candidate["deploy.precision"] == "int8" and job.training and job.weights is None for job in jobs)
    longer = new_proof(table, replace(several, proof=replace(several.proof, epochs="9")), Lengths(4, 1), Length.FULL)
    StudyWriter(study_of(settings)).proof(longer)
    later = read_proof(table_of(settings))
    assert later is not None
    assert not later.is_alike  # nine epochs are not the four that the child's parent has seen


@pytest.mark.slow
@pytest.mark.seconds
def test_a_polish_in_int8_is_repeated_as_the_polish_is(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path, INLINE, "trial.polish=0.5", "budget.trials=20", "space/deploy=int8")
    run(settings, blocks)
    table = table_of(settings)
    polish = next(row for row in table.finished if row.is_polish)
    candidate = {**polish.candidate, "deploy.precision": "int8"}
    child = replace(polish, number=len(table.rows), polishes=None, parent=polish.number, candidate=candidate)
    rows = (*table.rows, child)
    assert goes_on(child, rows)
    assert went_on_from(child, rows) == polish.polishes
    elastic = next(row for row in rows if row.is_child and row.candidate.get("deploy.precision", "fp32") != "fp32")
    assert training_of(elastic, rows) is elastic


@pytest.mark.slow
@pytest.mark.seconds
def test_a_polish_is_repeated_as_it_was_where_lengths_are_the_searchs(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path, INLINE, "trial.polish=0.5", "budget.trials=20", "proof.epochs=trial")
    run(settings, blocks)
    table = table_of(settings)
    proof = new_proof(table, settings, Lengths(4, 2), Length.FULL)
    for one in proof.contestants:
        row = table.row(one.number)
        assert one.terms == ProofTerms(2, again=row.is_polish, held_out=True)
    polishes = [row for row in table.finished if row.is_polish]
    assert polishes
    gone = next(row for row in polishes if row.number in proof.finalists)
    (settings.folder / (table.row(gone.polishes or 0).folder or "") / "weights.pt").unlink()
    less = new_proof(table, settings, Lengths(4, 2), Length.FULL)
    assert not next(one for one in less.contestants if one.number == gone.number).terms.again


def test_images_that_children_were_chosen_by_are_not_scored_on(tmp_path: Path, blocks: Dataset) -> None:
    from search.workers.jobs import Jobs
    from spaces.candidate import Candidate

    many = blocks.splits["val"] * (HELD_OUT_LEAST // len(blocks.splits["val"]) + 1)
    jobs = Jobs(settings_of(tmp_path), replace(blocks, splits={**blocks.splits, "val": many}))
    contestant = TrialRecord(0, Phase.FINISHED, parent=0, folder="trials/00000/children/aa")
    training = TrialRecord(1, Phase.RUNNING, proves=0, seed=1042, terms=ProofTerms(9, held_out=True))
    job = jobs.job_of(1, Candidate.of({"size.pixels": 64}), training, [contestant, training])
    assert job.split.startswith("val, ")
    assert len(job.images) == len(many) // 2
    assert job.seed == 1042
    assert job.epochs == 9
    assert job.weights == jobs.folder / "trials/00000/children/aa/weights.pt"


@pytest.mark.seconds
def test_finalists_meet_the_gate_or_bend_the_front(tmp_path: Path, blocks: Dataset) -> None:
    settings = searched(tmp_path, blocks, "budget.trials=6", "proof.finalists=2")
    table = table_of(settings)
    gate = replace(settings.gate, p50_ms_max=sorted(row.p50_ms or 0.0 for row in table.finished)[2])
    within = replace(settings, gate=gate)
    study = study_of(settings)
    from objectives.records.study_record import StudyWriter

    StudyWriter(study).contract(gate, StudyRecord.of(study).fingerprints)
    judged = table_of(settings)
    proof = new_proof(judged, within, Lengths(4, 0), Length.FULL)
    passing = sorted((row for row in judged.finished if row.passes_gate), key=lambda row: -(row.map or 0.0))
    assert proof.finalists == tuple(row.number for row in passing[:2])
    strict = replace(gate, map_min=1.0)
    StudyWriter(study).contract(strict, StudyRecord.of(study).fingerprints)
    from reports.table.pick import bends, knee

    none_passes = table_of(settings)
    proof = new_proof(none_passes, replace(settings, gate=strict), Lengths(4, 0), Length.FULL)
    assert proof.finalists == tuple(row.number for row in bends(none_passes.finished)[:2])
    assert proof.finalists[0] == knee(none_passes).number


@pytest.mark.seconds
def test_a_baseline_that_keeps_the_gate_alone_leaves_the_others_their_bends(settings: Settings) -> None:
    from objectives.records.study_record import StudyWriter
    from reports.table.pick import bends

    study = study_of(settings)
    others = table_of(settings).finished
    best = max(others, key=lambda row: row.map or 0.0)
    baseline = plant_baseline(settings, min(others, key=lambda row: row.p50_ms or 0.0).number, map_=0.999)
    for map_min in (None, 0.99):  # the baseline alone is on the front; then it alone keeps the gate, too
        gate = replace(settings.gate, map_min=map_min, p50_ms_max=None if map_min else 1e-6)
        StudyWriter(study).contract(gate, StudyRecord.of(study).fingerprints)
        table = table_of(settings)
        assert [row.number for row in table.front] == [baseline]
        assert [row.number for row in table.finished if row.passes_gate] == ([baseline] if map_min else [])
        proof = new_proof(table, replace(settings, gate=gate), Lengths(4, 0), Length.FULL)
        assert proof.baseline == baseline
        assert proof.finalists == tuple(row.number for row in bends(others)[:3])
        assert best.number in proof.finalists


def test_without_finalists_there_is_one_clear_line(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, *ENOUGH, "proof.share=0.5")
    with begun(settings, blocks):
        pass
    with pytest.raises(AutomlError, match=r"^prove: study 'smoke' has no finished trial to prove; search first$"):
        prove(settings, blocks)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_study_that_is_searched_is_not_proven(settings: Settings, tmp_path: Path, blocks: Dataset) -> None:
    child = in_a_process(tmp_path, SEARCHES, blocks)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"in\n"
        with pytest.raises(StoreError, match=rf"is being searched by process {child.pid} on "):
            prove(settings, blocks)
    finally:
        with child:
            child.kill()


@pytest.mark.seconds
@pytest.mark.slow
def test_another_length_begins_another_proof_and_keeps_what_is_the_same(settings: Settings, blocks: Dataset) -> None:
    two = replace(settings, proof=replace(settings.proof, seeds=2))
    prove(two, blocks)
    assert len(proofs_of(settings)) == 6
    prove(two, blocks)
    assert len(proofs_of(settings)) == 6  # it is complete: the same line does nothing
    prove(settings, blocks)
    assert len(proofs_of(settings)) == 9  # one seed more of each
    short = replace(settings, proof=replace(settings.proof, epochs="2"))
    prove(short, blocks)
    assert len(proofs_of(settings)) == 18
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert {row.rungs[-1].epoch for one in proof.finalists for row in one.trainings} == {2}


# The test split


@pytest.fixture(scope="module")
def with_test(blocks: Dataset) -> Dataset:
    return replace(blocks, splits={**blocks.splits, "test": blocks.splits["val"][:12]})


WINDOWS = "trial.run=window_trainer:run_trial"


@pytest.mark.slow
@pytest.mark.seconds
def test_the_test_split_is_scored_once(tmp_path: Path, with_test: Dataset) -> None:
    settings = searched(tmp_path, with_test, WINDOWS)
    plant_baseline(settings, 0)
    prove(settings, with_test)
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert proof.winner is not None
    assert proof.baseline is not None
    (look,) = proof.looks
    assert (look.by, look.split, look.images) == ("prove", "test", 12)
    assert set(look.numbers) == {proof.winner.number, proof.baseline.number}
    assert [score.seed for score in proof.winner.scores] == [1042, 2042, 3042]
    assert proof.winner.scores[1].map50 > 0.5  # the good windows
    assert proof.winner.test is not None
    others = [one for one in proof.finalists if one is not proof.winner]
    assert others
    assert not any(one.scores for one in others)
    assert any("was looked at once, by automl prove" in sentence for sentence in sentences_of_test(proof))
    prove(settings, with_test)
    assert len(StudyRecord.of(study_of(settings)).test_looks) == 1
    prove(settings, with_test, again=True)
    second = read_proof(table_of(settings))
    assert second is not None
    assert len(second.looks) == 2
    assert any("was looked at 2 times" in sentence for sentence in sentences_of_test(second))


@pytest.mark.slow
@pytest.mark.seconds
def test_a_proof_within_a_search_looks_too_and_a_longer_one_not_again(tmp_path: Path, with_test: Dataset) -> None:
    settings = settings_of(tmp_path, *ENOUGH, WINDOWS, "proof.share=0.5", "budget.hours=1", "proof.seeds=2")
    with begun(settings, with_test) as search:
        run_to_its_end(search)
    assert [look.by for look in StudyRecord.of(study_of(settings)).test_looks] == ["prove"]
    prove(settings, with_test)
    assert len(proofs_of(settings)) == 12  # as long as automl train, too
    assert len(StudyRecord.of(study_of(settings)).test_looks) == 1


@pytest.mark.slow
@pytest.mark.seconds
def test_a_search_that_is_killed_before_the_score_scores_when_it_goes_on(tmp_path: Path, with_test: Dataset) -> None:
    few = ("proof.share=0.5", "budget.hours=1", "proof.seeds=2", "proof.finalists=1")
    settings = settings_of(tmp_path, *ENOUGH, WINDOWS, *few)
    run(settings, with_test)  # to the proof's last training, as if killed there
    assert StudyRecord.of(study_of(settings)).test_looks == ()
    with begun(settings, with_test) as search:
        run_to_its_end(search)
        assert not search.chooser.proves
    assert [look.by for look in StudyRecord.of(study_of(settings)).test_looks] == ["prove"]


def test_which_split_is_unseen(with_test: Dataset, blocks: Dataset) -> None:
    assert unseen_split(with_test, "val") == "test"
    assert unseen_split(with_test, "test") == "val"
    assert unseen_split(blocks, "val") is None


@pytest.mark.slow
@pytest.mark.seconds
def test_one_class_is_enough(tmp_path: Path, blocks: Dataset) -> None:
    splits = {
        name: tuple(replace(image, classes=image.classes * 0) for image in images)
        for name, images in blocks.splits.items()
    }
    one = replace(blocks, classes=("block",), splits=splits)
    settings = searched(tmp_path, one)
    prove(settings, one)
    proof = read_proof(table_of(settings))
    assert proof is not None
    assert proof.verdict is ProofVerdict.NO_BASELINE
    assert "the study has no baseline to compare it with" in verdict_sentence(proof)
