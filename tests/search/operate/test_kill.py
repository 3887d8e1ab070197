"""Kill -9 in the midst of rounds: the same line again, and nothing is lost, done twice or half there."""

from pathlib import Path

import pytest
from killed_pipeline import KilledPipeline


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_pipeline_that_is_killed_again_and_again_comes_to_the_same_end(tmp_path: Path) -> None:
    pipeline = KilledPipeline(tmp_path, seed=3, share_at_fact=1.0)
    pipeline.run(kills=4)
    assert pipeline.kills.total() >= 3  # a look may end before the fact that its kill waits for
