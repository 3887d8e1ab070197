"""An environment of a converter's own: made whole once, kept, and one line where that is not possible."""

import logging
from pathlib import Path

import pytest

from objectives.deploy.formats.converter.environment import environment, make_environment, python_of
from objectives.records.failures import ExportFailed

pytestmark = [pytest.mark.slow, pytest.mark.seconds]  # each makes a virtual environment


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; pip reaches no index."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "cache" / "automl" / "converters"


def test_without_an_index_one_line_says_so_and_nothing_is_left(cache: Path, tmp_path: Path) -> None:
    pins = tmp_path / "some.txt"
    pins.write_text("no-such-package-of-ours==1.0\n")
    with pytest.raises(ExportFailed) as refused:
        make_environment(pins)
    said = str(refused.value)
    assert said.startswith("format some: its converter could not be installed (")
    assert "no-such-package-of-ours" in said
    assert said.endswith("; connect to a package index, once, or leave the format out")
    assert "\n" not in said
    assert list(cache.iterdir()) == []


def test_an_environment_is_made_once_and_a_half_made_one_anew(
    cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pins = tmp_path / "none.txt"
    pins.write_text("# nothing\n")
    half = environment(pins).with_name(environment(pins).name + ".partial")
    (half / "bin").mkdir(parents=True)  # as a killed process leaves it
    (half / "bin" / "python").write_text("no interpreter")
    with caplog.at_level(logging.WARNING):
        python = make_environment(pins)
        assert make_environment(pins) == python
    assert len(caplog.records) == 1
    assert "is installed once into" in caplog.text
    assert [path.name for path in cache.iterdir()] == [environment(pins).name]
    assert python == python_of(environment(pins))
    pins.write_text("# something else\n")
    assert environment(pins) != python.parent.parent
