"""A polish, really trained from the weights of a child, and its export."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from command_line import automl
from quick_search import begun

from objectives.network.assembly import assemble, load_weights, read_weights
from objectives.network.slim import built_slim
from objectives.records.children import ChildrenOrder, ChildrenReport
from objectives.records.paths import WEIGHTS, ExportPaths
from objectives.records.records import Proposal
from objectives.records.trial_record import Phase, trial_records
from objectives.trial.job import SilentListener
from search.settings.dataset import load_data
from search.settings.settings import BudgetSettings, load_settings
from search.study.stored_trial import polish_of
from search.workers.registry import make_backend
from spaces.candidate import Candidate
from spaces.network.family import Family, slim_ratios

LINE = (
    *("conf=smoke", "space/slim=elastic", "budget.trials=1", "trial.epochs=4", "trial.train_device=cpu"),
    *("space.size.pixels=choice(64, 96)", "space.neck.depth=choice(1, 2)", "space.backbone.name=lcnet_050"),
    *("start=[{size.pixels: 96, neck.depth: 2}]", "trial.backend=inline", "pruner=none"),
)

pytestmark = pytest.mark.slow  # real trainings and searches; CI runs them
SLIM = {"size.pixels": 64, "neck.depth": 1, "slim.p4": 0.5, "slim.neck": 0.5}


@pytest.mark.seconds
def test_a_slim_child_is_trained_on_from_its_weights(tmp_path: Path, shelves: Path) -> None:
    settings = load_settings([*LINE, f"data.root={shelves}", f"store.folder={tmp_path / 'runs'}"])
    dataset = load_data(settings.data)
    with begun(settings, dataset) as search:
        search.run()
        (parent,) = trial_records(search.study)
        family = Family.from_json(parent.family)
        order = [ChildrenOrder(score=(family.whole | SLIM,))]

        class Once(SilentListener):
            def children(self, report: ChildrenReport) -> ChildrenOrder | None:
                assert not report.failed
                search.chooser.families._trials_most = 3
                search.chooser.families.record(0, report)
                return order.pop() if order else None

        job = replace(search.jobs.scorer(0, Candidate.of(parent.candidate), family), train_device="cpu")
        make_backend("inline", search.paths.ultralytics).run(job, Once())
        child = trial_records(search.study)[1]
        search.study.add_trial(polish_of(child, Proposal("polish", "known_latency", "one epoch more")))
    with begun(replace(settings, budget=BudgetSettings(3)), dataset) as search:  # it was cut before its candidate
        search.run()
        _, child, polish = trial_records(search.study)
    assert polish.phase is Phase.FINISHED, polish.ending
    assert polish.candidate == child.candidate
    assert [rung.epoch for rung in polish.rungs] == [1]
    assert polish.latency is not None
    assert polish.latency_untrained == child.latency
    folder = settings.folder
    before, after = (read_weights(folder / str(trial.folder) / WEIGHTS) for trial in (child, polish))
    assert {name: value.shape for name, value in before.items()} == {n: v.shape for n, v in after.items()}
    moved = [float((before[n] - v).abs().max()) for n, v in after.items() if v.dtype == torch.float32]
    assert max(moved) > 0
    weights = [n for n in after if n.endswith("conv.weight")]
    apart = sum(float((before[n] - after[n]).norm()) for n in weights)
    assert apart < 0.5 * sum(
        float(before[n].norm()) for n in weights
    )  # new weights would lie as far off as they are long
    done = automl("export", "smoke", "--pick", "2", "--to", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "polished from trial 1" in done.stdout
    exported = ExportPaths(tmp_path / "out")
    config = yaml.safe_load(exported.config.read_text())
    assert (config["polishes"], config["weights"]) == (1, WEIGHTS)
    assert (config["search_epochs"], config["epochs"]) == (4, 16)  # the epochs that its parent has seen
    assert "from the weights of trial 1" in json.loads(exported.lineage.read_text())["origin"]
    candidate = Candidate.from_json(config["candidate"])
    _, model = assemble(candidate, config["classes"], seed=9)
    built_slim(model, slim_ratios(candidate), ranked=False)
    load_weights(model, exported.folder / WEIGHTS)
