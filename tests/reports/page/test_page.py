"""The page as a file, and in a real browser."""

import gzip
import hashlib
import html
import json
import re
from base64 import b64decode
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import optuna
import pytest
from browser import opened
from optuna.trial import TrialState, create_trial
from playwright.sync_api import Browser
from plotly.offline import get_plotlyjs_version
from timing import cpu_s

from objectives.records import attributes
from objectives.records.gate import Gate
from objectives.records.records import Accuracy, ClassAccuracy, Death, Decision, Outcome, Proposal, Rung
from reports.analysis.deaths import death_classes, deaths
from reports.page.carried.plotly_bundle import bundle_bytes
from reports.page.page import render_page, write_page
from reports.page.payload import dimensions, script_json
from reports.page.pictures import BYTES_MAX, pictures
from reports.table.families import differences
from reports.table.kin.family_words import family_words
from reports.table.table import read_study, read_trials

HOSTILE = "[/red] crate [small] " + (
    "</script><script>window.hacked = true</script><img src=x onerror='window.hacked = true'>\u2028 & \"'{{7*7}}"
)


def payload_of(page: str) -> dict[str, object]:
    held = {}
    for name in ("report", "pictures"):
        found = re.search(
            rf'<script type="application/json" id="{name}"( data-packed)?>(.*?)</script>', page, re.DOTALL
        )
        assert found
        held[name] = json.loads(gzip.decompress(b64decode(found.group(2))) if found.group(1) else found.group(2))
    return {**held["report"], "pictures": held["pictures"]}


def loaded(browser: Browser, page: Path, fragment: str = "", script: str = "") -> str:
    """Return the document as Chromium has it after loading, and after `script` has run in the page."""
    with opened(browser, page, fragment) as tab:
        tab.evaluate(f"() => {{ {script} }}")
        return tab.content()


def root_of(document: str) -> str:
    found = re.search(r"<html[^>]*>", document)
    assert found
    return found.group(0)


@pytest.mark.seconds
def test_one_file_without_a_network(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    table = read_study(report_study(140, folder=tmp_path))
    target = write_page(table, tmp_path, tmp_path / "out" / "report.html")
    page = target.read_text()
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]  # nothing temporary is left
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)  # plotly itself is packed
    assert "@import" not in page
    assert page.count('id="plotly" data-packed') == 1
    assert "meets the gate" in page


def test_the_payload_holds_every_trial(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    table = read_study(report_study(60, folder=tmp_path))
    payload = payload_of(render_page(table, tmp_path))
    rows = payload["rows"]
    assert isinstance(rows, list)
    assert [row["n"] for row in rows] == list(range(60))
    names = payload["dimensions"]
    assert names == dimensions(table)
    assert (
        dict(zip(names, rows[0]["candidate"], strict=True))["backbone.name"] == table.rows[0].candidate["backbone.name"]
    )
    embedded = payload["pictures"]
    assert isinstance(embedded, dict)
    assert {str(row.number) for row in table.front} <= set(embedded)


def test_pictures_keep_to_the_budget(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    table = read_study(report_study(60, folder=tmp_path))
    winner = table.finished[0].number
    everything = pictures(table, tmp_path, winner)
    assert next(iter(everything)) == winner
    assert {uri[:16] for uri in everything.values()} == {
        "data:image/jpeg;",
        "data:image/webp;",
    }  # whole: the winner
    front = {row.number for row in table.front if not row.removed}
    assert front <= set(everything)
    noise = np.random.default_rng(1).integers(0, 256, (500, 1760, 3), np.uint8)
    for sheet in tmp_path.rglob("*.jpg"):
        cv2.imwrite(str(sheet), noise)
    few = pictures(table, tmp_path, winner)
    assert next(iter(few)) == winner
    assert 0 < len(few) < len(everything)
    assert BYTES_MAX / 2 < sum(len(uri) for uri in few.values()) < 1.4 * BYTES_MAX  # text of base 64 takes a third more
    assert pictures(table, tmp_path / "elsewhere") == {}


def test_a_page_of_fifty_trials_is_small(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    table = read_study(report_study(50, folder=tmp_path, reasons=True, deaths=True, families=2, children=12))
    assert len(render_page(table, tmp_path)) < 1_250_000  # 250 kB less than a page may have: for the winner's images


def test_plotly_is_of_the_version_that_draws_figures_elsewhere() -> None:
    bundle = gzip.decompress(bundle_bytes())
    card = files("reports.page").joinpath("assets", "plotly", "README.md").read_text()
    assert f"v{get_plotlyjs_version()}\n".encode() in bundle[:120]  # else: make plotly
    assert f"version: {get_plotlyjs_version()}\n" in card
    assert hashlib.sha256(bundle).hexdigest() in card
    assert "MIT" in files("reports.page").joinpath("assets", "plotly", "LICENSE").read_text()


def test_a_file_that_is_no_jpeg_is_no_picture(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    table = read_study(report_study(10))
    row = table.front[0]
    assert row.folder
    (tmp_path / row.folder).mkdir(parents=True)
    (tmp_path / row.folder / "detections.jpg").write_text("<svg onload=alert(1)>")
    assert pictures(table, tmp_path) == {}


def test_json_for_a_script_element() -> None:
    text = script_json({"a": HOSTILE, "b": [float("nan"), float("inf"), 1 / 3], 3: Path("/x")})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"a": HOSTILE, "b": [None, None, 0.33333], "3": "/x"}


@pytest.mark.slow
def test_the_time_of_a_page_grows_no_faster_than_the_study(
    report_study: Callable[..., optuna.Study], tmp_path: Path
) -> None:
    study, tenth = (report_study(trials, reasons=True, deaths=True) for trials in (10_000, 1000))
    render_page(read_study(tenth), tmp_path)  # what it imports
    page = render_page(read_study(study), tmp_path)
    tenth_s = cpu_s(lambda: render_page(read_study(tenth), tmp_path))
    assert cpu_s(lambda: render_page(read_study(study), tmp_path), 1) < 12 * tenth_s
    assert len(page) < 15_000_000
    assert "trials are drawn: the front, the most accurate, and an even sample" in page
    assert "an even sample of 500 different networks" in page
    rows = payload_of(page)["rows"]
    assert isinstance(rows, list)
    assert len(rows) == 10_000
    assert sum("untrained" in row for row in rows) == sum("brief" not in row for row in rows) <= 2000
    assert all("deaths" in row for row in rows if row["outcome"] == "failed")
    assert sum(any(death["log"] for death in row.get("deaths", ())) for row in rows) == 200


@pytest.mark.seconds
def test_the_page_works_in_a_browser(
    report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser
) -> None:
    table = read_study(report_study(60, folder=tmp_path))
    page = write_page(table, tmp_path, tmp_path / "report.html")
    number = table.front[0].number
    script = """
      const seen = document.documentElement.dataset;
      const rows = () => document.querySelectorAll("#table tbody tr").length;
      seen.front = rows();
      document.querySelector("#chips button").click();
      seen.all = rows();
      byId("query").value = "yolo26n p95<5"; byId("query").dispatchEvent(new Event("input"));
      seen.queried = rows();
      byId("query").value = ""; byId("query").dispatchEvent(new Event("input"));
      document.querySelectorAll("#table th button")[0].click();
      seen.first = document.querySelector("#table tbody tr").dataset.number;
      seen.sorted = document.querySelector("#table th").getAttribute("aria-sort");
      document.querySelector('[data-figure="front_objectives"]').click();
      document.querySelector('[data-figure="hypervolume_time"]').click();
      const hovered = {points: [{customdata: 1}], event: {clientX: 9, clientY: 9}};
      document.querySelector("#front").emit("plotly_hover", hovered);
      seen.card = byId("hovercard").textContent;
      seen.wide = document.documentElement.scrollWidth > innerWidth;
      seen.title = document.querySelector("#panel h2").textContent;
      document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
      seen.closed = byId("panel").hidden;
    """
    root = root_of(loaded(browser, page, f"#trial-{number}", script))
    assert "data-error" not in root
    assert 'data-ready="yes"' in root
    assert f'data-front="{len(table.front)}"' in root
    assert 'data-all="50"' in root  # a page of the table
    fast = [
        row
        for row in table.rows
        if row.candidate["backbone.name"] == "yolo26n" and row.p95_ms is not None and row.p95_ms < 5
    ]
    assert f'data-queried="{len(fast)}"' in root
    assert 'data-first="0"' in root
    assert 'data-sorted="ascending"' in root
    assert 'data-card="Trial 1 ' in root
    assert 'data-wide="false"' in root
    assert f'data-title="Trial {number}"' in root
    assert 'data-closed="true"' in root


@pytest.mark.slow
@pytest.mark.seconds
def test_bounds_are_columns_in_a_browser(
    report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser
) -> None:
    gate = Gate(map50_min=0.62, f1_min=0.6, file_mb_max=9, own=[{"_target_": "m.wobble", "name": "<i>w</i>", "max": 1}])
    page = write_page(read_study(report_study(40, gate=gate)), tmp_path, tmp_path / "bounds.html")
    document = loaded(browser, page)
    assert 'data-ready="yes"' in root_of(document)
    head = re.search(r"<thead>.*?</thead>", document[document.index('id="table"') :], re.DOTALL)
    assert head
    for title in ("F1 ≥ 0.6", "file, MB ≤ 9", "&lt;i&gt;w&lt;/i&gt; ≤ 1"):
        assert title in head.group(0)
    assert 'class="misses" title="misses the bound"' in document
    assert "the gate, in these two quantities alone" in document


@pytest.mark.slow
@pytest.mark.seconds
def test_reasons_and_paused_trials_in_a_browser(
    report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser
) -> None:
    table = read_study(report_study(40, reasons=True))
    page = write_page(table, tmp_path, tmp_path / "report.html")
    assert "How well predictions held" in page.read_text()
    paused = next(row for row in table.rows if row.paused)
    script = """
      const seen = document.documentElement.dataset;
      seen.badge = document.querySelector("#panel .badges").textContent;
      seen.reasons = [...document.querySelectorAll("#panel .reasons dt")].map((item) => item.textContent).join(" ");
      [...document.querySelectorAll("#chips button")].find((chip) => chip.textContent.startsWith("paused")).click();
      seen.paused = document.querySelectorAll("#table tbody tr").length;
      seen.outcome = document.querySelector("#table tbody tr").textContent;
      seen.drawn = document.querySelectorAll("#calibration .scatterlayer .trace").length;
      seen.names = document.querySelectorAll('.legend[data-slot="calibration"] button').length;
    """
    root = root_of(loaded(browser, page, f"#trial-{paused.number}", script))
    assert "data-error" not in root
    assert f'data-badge="{paused.status}' in root
    assert 'data-reasons="proposed expected epoch 3' in root
    assert f'data-paused="{table.counts["paused"]}"' in root
    assert "paused at epoch" in root.partition('data-outcome="')[2]
    assert 'data-drawn="3"' in root
    assert 'data-names="2"' in root


@pytest.mark.slow
@pytest.mark.seconds
def test_deaths_copies_and_removed_files_in_a_browser(
    report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser
) -> None:
    table = read_study(report_study(140, reasons=True, deaths=True))
    page = write_page(table, tmp_path, tmp_path / "report.html")
    text = page.read_text()
    for item in death_classes(table):
        assert f"<b>{item.error_class}</b>" in text
        assert item.advice in text
    copied = sum(row.forked_from is not None for row in table.rows)
    assert f"<dd>aisle <small>{copied} trials copied; 4 left out: another size</small></dd>" in text
    retried = [row for row in table.rows if row.smaller_batch]
    failed = next(row for row in table.rows if row.outcome is Outcome.FAILED)
    removed = next(row for row in table.rows if row.removed and row.forked_from is not None)
    script = f"""
      const seen = document.documentElement.dataset;
      seen.deaths = document.querySelector("#panel .death").textContent;
      seen.bold = document.querySelectorAll("#panel pre b").length;
      [...document.querySelectorAll("#chips button")].find((chip) => chip.textContent.startsWith("smaller")).click();
      seen.batches = [...document.querySelectorAll("#table .tag")].map((tag) => tag.textContent).join();
      openPanel({removed.number});
      seen.badges = document.querySelector("#panel .badges").textContent;
      seen.exports = document.querySelectorAll("#panel code").length;
      seen.wide = document.documentElement.scrollWidth > innerWidth;
      openPanel({retried[0].number});
      seen.retried = document.querySelector("#panel").textContent;
    """
    root = root_of(loaded(browser, page, f"#trial-{failed.number}", script))
    assert "data-error" not in root
    assert f'data-deaths="{deaths(failed)[-1].title} {deaths(failed)[-1].cause}' in html.unescape(root)
    assert "What to do: " in root
    assert 'data-bold="0"' in root
    assert f'data-batches="{",".join(row.smaller_batch for row in retried)}"' in root
    assert f"copied from trial {removed.forked_from} of aislefiles removed" in root
    assert 'data-exports="0"' in root
    assert 'data-wide="false"' in root
    assert "batch 4 × 2 after out of memory" in root
    assert "Then: taken up again with batch 4 × 2." in root


@pytest.mark.slow
@pytest.mark.seconds
def test_families_in_a_browser(report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser) -> None:
    table = read_study(report_study(40, reasons=True, families=3, children=12))
    page = write_page(table, tmp_path, tmp_path / "report.html")
    family = next(family for family in table.families if family.on_front)
    child = family.on_front[0]
    text = page.read_text()
    assert "36 children were chosen from 108 by mAP on the very images that their figures are of" in text
    assert f"from {len(table.trainings)} trainings, 72 more looked at" in text
    script = f"""
      const seen = document.documentElement.dataset;
      const rows = () => [...document.querySelectorAll("#table tbody tr")].map((row) => Number(row.dataset.number));
      const named = (where, name) =>
        [...document.querySelectorAll(where)].find((one) => one.textContent.startsWith(name));
      const chip = (name) => named("#chips button", name);
      seen.badges = document.querySelector("#panel .badges").textContent;
      seen.panel = document.querySelector("#panel").textContent;
      seen.link = document.querySelector("#panel h3 a").getAttribute("href");
      seen.outcome = document.querySelector('#table tr[data-number="{child.number}"]').textContent;
      chip("trainings").click();
      seen.folded = rows().length;
      document.querySelector('#table tr[data-number="{family.number}"] .fold').click();
      const below = rows().slice(rows().indexOf({family.number}) + 1, rows().indexOf({family.number}) + 13);
      seen.below = below.every((number) => BY_NUMBER.get(number).parent === {family.number});
      seen.unfolded = rows().length;
      seen.marked = document.querySelectorAll("#table tr.member").length;
      document.querySelector('#table tr[data-number="{family.number}"] .fold').click();
      seen.again = rows().length;
      chip("children").click();
      seen.children = rows().length;
      chip("all").click();
      byId("query").value = "parent={family.number}"; byId("query").dispatchEvent(new Event("input"));
      seen.queried = rows().length;
      const entries = () => [...document.querySelectorAll('.legend[data-slot="front"] button')];
      seen.names = entries().map((one) => one.textContent).filter((name) => name.startsWith("trial ")).length;
      const drawn = () => document.querySelectorAll("#front .scatterlayer .trace").length;
      const before = drawn();
      entries().find((one) => one.textContent.startsWith("trial {family.number} ")).click();
      seen.hidden = before - drawn();
      openPanel({family.number});
      seen.parent = document.querySelector("#panel").textContent;
      const hovered = {{points: [{{customdata: {child.number}}}], event: {{clientX: 9, clientY: 9}}}};
      document.querySelector("#front").emit("plotly_hover", hovered);
      seen.card = byId("hovercard").textContent;
    """
    root = html.unescape(root_of(loaded(browser, page, f"#trial-{child.number}", script)))
    assert "data-error" not in root
    assert f'data-badges="finishedchild of {family.number}on the front' in root
    assert f"Cut from the weights of trial {family.number} and not trained itself; chosen from 36 on the very" in root
    assert f'data-link="#trial-{family.number}"' in root
    assert family.parent is not None
    for item in differences(child, family.parent):
        assert f"{item.name}{item.parent:g}{item.child:g}" in root
    assert "of its file, quick protocol" in root
    assert f"child of {family.number}" in root.partition('data-outcome="')[2]
    assert 'data-folded="40"' in root
    assert 'data-below="true"' in root
    assert 'data-unfolded="50"' in root  # a page; 52 in all
    assert 'data-marked="' in root
    assert 'data-again="40"' in root
    assert 'data-children="36"' in root
    assert 'data-queried="12"' in root
    assert 'data-names="3"' in root
    assert 'data-hidden="2"' in root  # its line, and its children beside the front
    assert f"{family_words(family)}. show them in the table" in root
    assert f"child of {family.number}, on the front" in root.partition('data-card="')[2]


def test_without_predictions_nothing_is_said_of_them(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    page = render_page(read_study(report_study(12)), tmp_path)
    assert "How well predictions held" not in page
    payload = payload_of(page)
    rows, figures = payload["rows"], payload["figures"]
    assert isinstance(rows, list)
    assert not any("reasons" in row or "status" in row for row in rows)
    assert isinstance(figures, dict)
    assert "calibration" not in figures


@pytest.mark.slow
@pytest.mark.seconds
def test_user_text_stays_text(tmp_path: Path, browser: Browser) -> None:
    accuracy = Accuracy(0.5, 0.6, {HOSTILE: ClassAccuracy(0.5, 0.6, 3)}, HOSTILE, 9)
    attrs = {
        attributes.CANDIDATE: {"backbone.name": HOSTILE, HOSTILE: HOSTILE, "list": [1, {"a": None}]},
        attributes.ACCURACY: accuracy.to_json(),
        attributes.ENDING: {"outcome": "finished", "reason": HOSTILE},
        attributes.FOLDER: HOSTILE,
        attributes.PROPOSAL: Proposal(HOSTILE, HOSTILE, HOSTILE).to_json(),
        attributes.DECISIONS: [Decision(3, HOSTILE, HOSTILE).to_json()],
        attributes.FORKED_FROM: 1,
    }
    hostile = {"outcome": "failed", "reason": HOSTILE, "error_class": HOSTILE, "death": Death(HOSTILE).to_json()}
    failed = {attributes.ENDING: hostile, attributes.ATTEMPTS: [hostile]}
    trials = [
        create_trial(values=[0.5, 3.0], user_attrs=attrs),
        create_trial(state=TrialState.FAIL, user_attrs=failed),
    ]
    for number, trial in enumerate(trials):
        trial.number = number
    of_study = {
        attributes.DATA: {
            "name": HOSTILE,
            "root": HOSTILE,
            "classes": [HOSTILE],
            "splits": {HOSTILE: {HOSTILE: 1}},
        },
        attributes.DEVICE: {"name": HOSTILE, HOSTILE: HOSTILE},
        attributes.SETTINGS: {HOSTILE: HOSTILE},
        attributes.PROVENANCE: {"command": HOSTILE, "versions": {HOSTILE: HOSTILE}},
        attributes.REMOVED: {HOSTILE: [0]},
        attributes.FORKED: {"from": HOSTILE, "left_out": {HOSTILE: 3}},
    }
    page = write_page(read_trials(HOSTILE, trials, of_study), tmp_path, tmp_path / "report.html")
    script = "openPanel(1); document.documentElement.dataset.hacked = Boolean(window.hacked)"
    document = loaded(browser, page, "#trial-0", script)
    assert 'data-hacked="false"' in root_of(document)
    assert 'data-ready="yes"' in root_of(document)
    assert "data-error" not in root_of(document)
    assert "{{7*7}}" in document
    assert "[/red] crate [small] &lt;/script&gt;" in document


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("kind", ["empty", "running", "failed", "bare", "no gate", "missed", "orphan"])
def test_studies_with_little_in_them(
    kind: str, report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser
) -> None:
    running = create_trial(
        state=TrialState.RUNNING, user_attrs={attributes.RUNGS: [Rung(1, 0.1, 0.2, 3, 1, True).to_json()]}
    )
    tables = {
        "empty": lambda: read_trials("s", [], {}),
        "running": lambda: read_trials("s", [running], {}),
        "failed": lambda: read_trials("s", [create_trial(state=TrialState.FAIL)], {}),
        "bare": lambda: read_trials("s", [create_trial(values=[0.5, 3.0])], {}),
        "orphan": lambda: read_trials("s", [create_trial(values=[0.5, 3.0], user_attrs={attributes.PARENT: 9})], {}),
        "no gate": lambda: read_study(report_study(12, gate=Gate())),
        "missed": lambda: read_study(report_study(12, gate=Gate(map_min=0.9, p50_ms_max=2))),
    }
    page = write_page(tables[kind](), tmp_path, tmp_path / "report.html")
    root = root_of(loaded(browser, page))
    assert 'data-ready="yes"' in root
    assert "data-error" not in root
