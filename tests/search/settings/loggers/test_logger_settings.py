"""The group `logger`: none, one, several, one of the user's own; and no part of the study."""

import inspect
import sys
from pathlib import Path

import pytest
from command_line import automl

from search.settings.compose import CONF
from search.settings.settings import Settings, load_settings
from search.view.base import View
from search.view.loggers.contract import StudyLogger
from search.view.loggers.make import CLIENTS, check_loggers, with_loggers
from spaces.errors import SettingsError


class Own(StudyLogger):
    """A logger of a user's."""

    def __init__(self, url: str, depth: int = 1) -> None:
        self.url, self.depth = url, depth


class NotOne:
    """Anything else."""


def settings_of(*words: str) -> Settings:
    return load_settings(["conf=smoke", *words])


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "own_logger", sys.modules[__name__])


def test_none_is_the_default_and_changes_nothing() -> None:
    settings, view = settings_of(), View()
    assert dict(settings.logger.targets) == {}
    check_loggers(settings)
    assert with_loggers(view, settings) is view


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_each_is_one_word_and_the_contract_stays(name: str) -> None:
    settings = settings_of(f"logger={name}")
    assert list(settings.logger.targets) == [name]
    assert settings.to_json() == settings_of().to_json()
    check_loggers(settings)
    assert settings.logger.targets[name].path.rpartition(".")[0] in CLIENTS


def test_several_at_once_with_settings_of_their_own(tmp_path: Path) -> None:
    folder = f"{tmp_path}/what a, folder"
    settings = settings_of("logger=[tensorboard,mlflow]", f"logger.tensorboard.folder={folder}")
    assert list(settings.logger.targets) == ["tensorboard", "mlflow"]
    assert settings.logger.targets["tensorboard"].arguments == {"folder": folder}


def test_one_of_the_users_own() -> None:
    settings = settings_of("+logger.mine._target_=own_logger.Own", "+logger.mine.url=http://lab:80/x")
    check_loggers(settings)
    made = settings.logger.targets["mine"].build()
    assert isinstance(made, Own)
    assert (made.url, made.depth) == ("http://lab:80/x", 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["logger=tensorbord"], "logger: unknown option 'tensorbord'; nearest: tensorboard; known: mlflow, none"),
        (["+logger.mine.url=x"], r"logger.mine: needs a class by _target_, got \{'url': 'x'\}; give \+logger"),
        (["+logger.mine=x"], "logger.mine: needs a class by _target_, got 'x'"),
        (["+logger.mine._target_=own_logger.Own"], "logger.mine.url: needs a value"),
        (["+logger.mine._target_=own_logger.Nothing"], "logger.mine._target_: cannot import 'own_logger.Nothing'"),
        (["+logger.mine._target_=own_logger.NotOne"], "logger.mine._target_: must make a search.StudyLogger"),
        (["logger=tensorboard", "+logger.tensorboard.foldr=x"], "unknown setting 'logger.tensorboard.foldr'; nearest"),
        (["logger=wandb", "logger.wandb.mode=onlin"], "logger.wandb: .*mode must be one of offline, online"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_made(words: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        check_loggers(settings_of(*words))
    assert "\n" not in str(caught.value)


def test_a_client_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("search.view.loggers.make.find_spec", lambda name: None)
    done = automl("search", "conf=smoke", "logger=mlflow", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == "automl: logger.mlflow: mlflow is not installed; pip install 'automl[mlflow]'"
    assert list(tmp_path.iterdir()) == []


def test_a_group_in_the_working_folder_stands_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf" / "logger").mkdir(parents=True)
    (tmp_path / "conf" / "logger" / "lab.yaml").write_text("lab:\n  _target_: own_logger.Own\n  url: http://lab\n")
    monkeypatch.chdir(tmp_path)
    assert list(settings_of("logger=[lab,wandb]").logger.targets) == ["lab", "wandb"]


def test_every_option_names_a_class_and_all_its_settings() -> None:
    for path in (CONF / "logger").glob("*.yaml"):
        for target in settings_of(f"logger={path.stem}").logger.targets.values():
            assert list(target.arguments) == list(inspect.signature(target.load()).parameters)
