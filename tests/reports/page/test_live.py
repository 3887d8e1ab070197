"""The page for a server's reader: scripts by address and nonce, and where its server is."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import optuna

from reports.page.live import Live
from reports.page.page import render_page
from reports.table.table import read_study

DATA = '<script type="application/json" id="report">'
LIVE = Live("/studies/a&b", 7, ("/static/plotly.min.js?v=1&x",), "n0nce+/=")


def test_a_served_page_takes_its_scripts_by_address(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    page = render_page(read_study(report_study(12)), tmp_path, LIVE)
    data = json.loads(page.partition(DATA)[2].partition("</script>")[0])
    assert data["live"] == {"base": "/studies/a&b", "revision": 7, "token_needed": True}
    assert '<script nonce="n0nce+/=" src="/static/plotly.min.js?v=1&amp;x"></script>' in page
    assert 'id="plotly"' not in page
    without_nonce = re.findall(r"<(?:script|style)(?![^>]*nonce=)[^>]*>", page)
    assert all(re.search('type="(application/json|text/plain)"', tag) for tag in without_nonce)  # nothing that runs


def test_a_page_on_disk_has_no_server(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    page = render_page(read_study(report_study(12)), tmp_path)
    assert '"live":' not in page.partition(DATA)[2].partition("</script>")[0]
    assert "nonce" not in page[: page.index("<script>")]


def test_a_page_among_others_leads_back_to_them_and_knows_where_its_study_lives(
    report_study: Callable[..., optuna.Study], tmp_path: Path
) -> None:
    table, where = read_study(report_study(4)), ("--folder", "/data/my runs")
    among = render_page(table, tmp_path, Live("/studies/a", 7, (), "n", where=where, several=True))
    assert '<a id="all-studies" href="/">' in among
    assert json.loads(among.partition(DATA)[2].partition("</script>")[0])["live"]["where"] == list(where)
    assert 'id="all-studies"' not in render_page(table, tmp_path, LIVE)  # automl browse STUDY: there are no others
