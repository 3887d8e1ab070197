"""Mistakes in what a pipeline watches and shows: each is one line, when the settings are read."""

from pathlib import Path

import pytest

from search.settings.pipeline.pipeline_settings import load_pipeline
from search.settings.pipeline.watched_check import listen_address
from spaces.errors import SettingsError

MISTAKES = [
    ("triggers.cron='0 6 * *'", "triggers.cron: five fields are wanted"),
    ("triggers.cron='0 6 * * 8'", "triggers.cron: bad day-of-week in '0 6 * * 8'"),
    ("triggers.cron='0 6 30 2 *'", "triggers.cron: "),
    ("triggers.labelled_min=0", "triggers.labelled_min: must be over 0, got 0"),
    ("triggers.labelled_share=-0.1", "triggers.labelled_share: must be over 0, got -0.1"),
    ("triggers.performance.metric=presision", "triggers.performance.metric: unknown 'presision'; nearest: precision"),
    ("triggers.performance.bound=90", "triggers.performance.bound: must lie between 0 and 1, got 90"),
    ("triggers.performance.level=1", "triggers.performance.level: must lie in 0.5..1"),
    ("monitoring.listen=9464", "monitoring.listen: must be HOST:PORT, as 127.0.0.1:9464, got '9464'"),
    ("monitoring.listen=localhost:99999", "monitoring.listen: must be HOST:PORT"),
    ("monitoring.webhook=chat.example/secret", "monitoring.webhook: must be an address that begins with http"),
    ("monitoring.webhook=http://chat.example:secret/", "monitoring.webhook: must be an address that begins with http"),
    ("monitoring.webhook=http://[secret", "monitoring.webhook: must be an address that begins with http"),
    ("monitoring.webhook=http://a.b/my secret", "monitoring.webhook: must be an address that begins with http"),
    ("monitoring.webhook=http://me:secret@a.b/", "monitoring.webhook: must hold no user and password"),
]


@pytest.mark.parametrize(("override", "line"), MISTAKES)
def test_a_mistake_is_one_line(tmp_path: Path, override: str, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_pipeline(["pipeline=base", "name=p", f"folder={tmp_path}", "data.root=embedded", override])
    assert str(caught.value).startswith(line)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_addresses_to_listen_on() -> None:
    assert listen_address("0.0.0.0:80") == ("0.0.0.0", 80)
    assert listen_address("[::1]:9464") == ("::1", 9464)
