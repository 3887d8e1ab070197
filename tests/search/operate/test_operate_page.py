"""docs/operate.md names every step of a round, and every fact that one comes to."""

from pathlib import Path

from search.operate.due import DueStep
from search.operate.journal.facts import FactKind

PAGE = (Path(__file__).parents[3] / "docs" / "operate.md").read_text()
OF_NO_STEP = {FactKind.LOOKED, FactKind.FAILED, FactKind.ASKED, FactKind.ALERTED, FactKind.HOOK_CALLED}


def test_the_table_of_a_round_has_every_step_and_its_fact() -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and line.count(" | ") == 2]
    steps = [row[0].removeprefix("| ") for row in rows]
    facts = {row[2].strip("`| ") for row in rows}
    assert steps[1:] == [step.value for step in DueStep if step not in (DueStep.WAIT, DueStep.NOTHING)]
    assert facts - {"what comes of it"} == {kind.value for kind in FactKind if kind not in OF_NO_STEP}
