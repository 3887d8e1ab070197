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
    assert "plotly.js v" not in page
    without_nonce = re.findall(r"<(?:script|style)(?![^>]*nonce=)[^>]*>", page)
    assert all('type="application/json"' in tag for tag in without_nonce)  # data; a policy is about what runs


def test_a_page_on_disk_has_no_server(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    page = render_page(read_study(report_study(12)), tmp_path)
    assert '"live":' not in page.partition(DATA)[2].partition("</script>")[0]
    assert "nonce" not in page[: page.index("<script>")]
