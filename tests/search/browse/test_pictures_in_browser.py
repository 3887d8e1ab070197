"""Validation images in a real browser: counts against matching anew, keyboard, hostile names, paging."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from asked_server import asked_server
from axe_playwright_python.sync_playwright import Axe
from browser import wait_until
from pictured_study import PicturedStudy, give_detections, pictured_study
from playwright.sync_api import Browser, Locator, Page

from objectives.deploy.kept_detections import read_kept
from objectives.deploy.operating_point import Found
from objectives.records import attributes
from objectives.records.paths import TrialPaths
from reports.detections.counts import confidence_grid, confusions, count_over, counts_of_images, worst_first
from reports.detections.matched import MatchedSplit, match_split
from reports.page.page import write_page
from reports.table.table import read_study
from reports.table.verdict import judge
from search.browse.pictures_routes import picture_routes
from search.browse.study_pictures import StudyPictures
from search.study.files.validation import winner_detections

pytestmark = [pytest.mark.slow, pytest.mark.seconds]
HOSTILE = '<img src=x onerror="window.hacked=1">'
CLASSES = (HOSTILE, "{{7*7}} </script>", "box")


@dataclass
class Seen:
    """A page, and what it complained of or asked of others."""

    page: Page
    wrong: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def made(report_study: Callable[..., optuna.Study], tmp_path_factory: pytest.TempPathFactory) -> PicturedStudy:
    """A study with hostile names, 40 images, and detections of its winner and of two others."""
    folder = tmp_path_factory.mktemp("study")
    own = pictured_study(report_study(24), folder, images=40, classes=CLASSES, names="<b>&'{}.jpg")
    give_detections(TrialPaths(folder / str(_winner(own).folder)), own.dataset, seed=3, confidence=0.312)
    return own


@pytest.fixture(scope="module")
def served(made: PicturedStudy) -> Iterator[str]:
    """Address of the study's page on a small server."""
    pictures = StudyPictures(made.study, made.folder)
    with asked_server([read_study(made.study)], made.folder, *picture_routes(lambda _: pictures)) as server:
        yield f"{server.base}/studies/retail"


@pytest.fixture
def seen(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Seen]:
    """A page of the usual width, or of the one that a test asks for; nothing may go wrong on it."""
    page = browser.new_page(viewport=getattr(request, "param", {"width": 1200, "height": 900}))
    found = Seen(page)
    page.on("console", lambda line: found.wrong.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.wrong.append(str(error)))
    page.on("request", lambda one: _is_own(one.url) or found.wrong.append(one.url))
    yield found
    assert found.wrong == []
    assert page.evaluate("window.hacked") is None
    page.close()


def _is_own(url: str) -> bool:
    return url.startswith(("file:", "data:", "http://127.0.0.1:", "blob:"))


def _winner(own: PicturedStudy) -> Any:
    row = judge(read_study(own.study)).row
    assert row is not None
    return row


def split_of(made: PicturedStudy, number: int) -> MatchedSplit:
    folder = made.study.trials[number].user_attrs[attributes.FOLDER]
    return match_split(read_kept(TrialPaths(made.folder / folder).found), made.images, CLASSES)


def opened(seen: Seen, address: str, number: int) -> Locator:
    """Open a trial's panel, and its images in it."""
    seen.page.goto(f"{address}#trial-{number}")
    seen.page.wait_for_selector("html[data-ready]")
    seen.page.locator("#panel summary", has_text="Validation images").click()
    view = seen.page.locator("#panel .detections")
    view.wait_for()
    return view


def tallies(view: Locator, side: int = 0) -> dict[str, str]:
    cells = view.locator(".side").nth(side).locator("td[data-of]")
    return {str(cell.get_attribute("data-of")): cell.inner_text() for cell in cells.all()}


def expected(found: Found) -> dict[str, str]:
    recall = "–" if found.recall is None else f"{100 * found.recall:.1f} %"
    wrong = found.detections - found.hits
    return {
        "precision": f"{100 * found.precision:.1f} %",
        "recall": recall,
        "f1": f"{100 * found.f1:.1f} %",
        "right": f"{found.hits:,}",
        "wrong": f"{wrong:,}",
        "missed": f"{found.objects - found.hits:,}",
    }


def slide(view: Locator, index: int, side: int = 0) -> None:
    slider = view.locator(".side input[type=range]").nth(side)
    slider.evaluate(
        "(one, at) => { one.value = at; for (const name of ['input', 'change']) one.dispatchEvent(new Event(name)); }",
        index,
    )
    next_frame(view.page)


def next_frame(page: Page) -> None:
    """Wait until what a frame draws has been drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def captions(view: Locator) -> list[tuple[str, int, int, int]]:
    found = []
    for text in view.locator("figcaption").all_inner_texts():
        numbers = re.search(r"(\d+) right, (\d+) wrong, (\d+) missed", text)
        assert numbers
        found.append((text.split(" ")[0], int(numbers[1]), int(numbers[2]), int(numbers[3])))
    return found


def test_the_slider_counts_as_matching_anew_does(seen: Seen, served: str, made: PicturedStudy) -> None:
    number = _winner(made).number
    view, split = opened(seen, served, number), split_of(made, number)
    grid = confidence_grid(split)
    over = count_over(split, grid)
    assert tallies(view) == expected(over.at(grid.index(0.312)))
    assert view.locator("output").inner_text() == "0.312, as deployed"
    for index in (0, 20, 47, 80, len(grid) - 1):
        slide(view, index)
        assert tallies(view) == expected(over.at(index))
        worst = worst_first(counts_of_images(split, grid[index]))[:6]
        names = {one.key: one.image.path.name for one in split.images}
        assert captions(view) == [(names[one.key], one.right, one.wrong, one.missed) for one in worst]
        options = view.locator("label", has_text="confusion").locator("option").all_inner_texts()
        pairs = confusions(split, grid[index])
        assert sorted(options[1:]) == sorted(f"{CLASSES[a]} taken for {CLASSES[b]}: {n}" for a, b, n in pairs)
        first = view.locator("figure").first
        assert first.locator("g.right").count() == worst[0].right
        assert first.locator("g.wrong").count() == worst[0].wrong
        assert first.locator("g.missed").count() == worst[0].missed


def test_classes_sizes_kinds_and_confusions_filter(seen: Seen, served: str, made: PicturedStudy) -> None:
    number = _winner(made).number
    view, split = opened(seen, served, number), split_of(made, number)
    grid = confidence_grid(split)
    at = grid.index(0.312)
    view.get_by_label("class", exact=True).select_option("1")
    assert tallies(view) == expected(count_over(split, grid, class_index=1).at(at))
    view.get_by_label("size", exact=True).select_option("1")
    assert tallies(view) == expected(count_over(split, grid, class_index=1, size=1).at(at))
    view.get_by_label("size", exact=True).select_option("")
    view.get_by_label("class", exact=True).select_option("")
    label, other, times = confusions(split, 0.312)[0]
    view.get_by_label("confusion", exact=True).select_option(f"{label}>{other}")
    having = [
        one for one in split.images
        if any(a == label and b == other for a, b in zip(one.image.classes, one.confused_with(0.312), strict=True))
    ]  # fmt: skip
    assert f"of {len(having)}" in view.locator(".pager").inner_text()
    assert times >= len(having) > 0
    view.get_by_label("confusion", exact=True).select_option("")
    view.get_by_label("kind", exact=True).select_option("missed")
    missing = sum(one.missed > 0 for one in counts_of_images(split, 0.312))
    assert f"of {missing}" in view.locator(".pager").inner_text()


def test_by_keyboard_alone_and_read_aloud(seen: Seen, served: str, made: PicturedStudy) -> None:
    view = opened(seen, served, _winner(made).number)
    slider = view.locator("input[type=range]")
    slider.focus()
    seen.page.keyboard.press("ArrowRight")
    next_frame(seen.page)
    said = slider.get_attribute("aria-valuetext")
    assert said is not None
    assert re.fullmatch(r"confidence 0\.32, precision [\d.]+ %, recall [\d.]+ %, F1 [\d.]+ %", said)
    view.get_by_role("button", name="as deployed").press("Enter")
    next_frame(seen.page)
    assert ", as deployed" in str(slider.get_attribute("aria-valuetext"))
    view.locator("figcaption button").first.press("Enter")
    assert view.locator("figure.large").count() == 1
    assert seen.page.evaluate("document.activeElement.textContent") == "smaller"
    results = Axe().run(seen.page, context="#panel")
    serious = [one["id"] for one in results.response["violations"] if one["impact"] in ("serious", "critical")]
    assert serious == []


def test_two_trials_side_by_side(seen: Seen, served: str, made: PicturedStudy) -> None:
    first, second = _winner(made).number, next(n for n in made.numbers if n != _winner(made).number)
    view = opened(seen, served, first)
    view.get_by_label("beside", exact=True).select_option(str(second))
    view.locator(".side").nth(1).wait_for()
    others = split_of(made, second)
    assert tallies(view, 1) == expected(
        count_over(others, confidence_grid(others)).at(confidence_grid(others).index(0.25))
    )
    names = [text.split(" ")[0] for text in view.locator("figcaption").all_inner_texts()]
    assert names[::2] == names[1::2]  # the same images in the same order
    grid = confidence_grid(split_of(made, first))
    slide(view, grid.index(0.5))
    assert view.locator("output").all_inner_texts() == ["0.5", "0.5"]
    view.get_by_label("both at one confidence").uncheck()
    slide(view, confidence_grid(others).index(0.7), side=1)
    assert view.locator("output").all_inner_texts() == ["0.5", "0.7"]
    view.get_by_label("beside", exact=True).select_option("")
    assert view.locator(".side").count() == 1


def test_images_come_page_by_page_and_names_are_text(seen: Seen, served: str, made: PicturedStudy) -> None:
    view = opened(seen, served, _winner(made).number)
    assert view.locator("figure").count() == 6
    assert view.locator(".pager").inner_text().startswith("images 1 to 6 of 40")
    view.get_by_role("button", name="next").click()
    assert view.locator(".pager").inner_text().startswith("images 7 to 12 of 40")
    view.get_by_label("first", exact=True).select_option("file")  # from its first page on
    names = [text.split(" ")[0] for text in view.locator("figcaption").all_inner_texts()]
    assert names == [image.path.name for image in made.images[:6]]
    assert view.get_by_label("class", exact=True).locator("option").all_inner_texts()[1:] == list(CLASSES)
    view.locator("img").first.scroll_into_view_if_needed()
    wait_until(seen.page, "document.querySelector('#panel .shot img').naturalWidth === 320")
    assert seen.page.locator("#panel figcaption b").first.inner_html().startswith("val-&lt;b&gt;")


def test_what_is_open_survives_an_update(seen: Seen, served: str, made: PicturedStudy) -> None:
    number = _winner(made).number
    view = opened(seen, served, number)
    assert view.locator("input[type=range]").input_value() == str(confidence_grid(split_of(made, number)).index(0.312))
    slide(view, 60)
    before = tallies(view)
    view.get_by_role("button", name="next").click()
    seen.page.evaluate(f"openPanel({number})")
    assert tallies(view) == before
    assert view.locator(".pager").inner_text().startswith("images 7 to 12")


def test_a_trial_without_detections_says_so(browser: Browser, served: str, made: PicturedStudy) -> None:
    winner = _winner(made).number
    other = next(row.number for row in read_study(made.study).finished if row.number not in (*made.numbers, winner))
    page = browser.new_page()
    page.goto(f"{served}#trial-{other}")
    page.locator("#panel summary", has_text="Validation images").click()
    page.get_by_text("were not kept: an older automl scored it").wait_for()
    page.close()


@pytest.mark.parametrize("seen", [{"width": 1200, "height": 900}, {"width": 390, "height": 800}], indirect=True)
def test_the_static_page_has_the_winner_s(seen: Seen, made: PicturedStudy, tmp_path: Path) -> None:
    table = read_study(made.study)
    page = write_page(table, made.folder, tmp_path / "report.html", winner_detections(table, made.folder))
    seen.page.goto(page.as_uri())
    seen.page.wait_for_selector("html[data-ready]")
    view = seen.page.locator("#winner-detections .detections")
    number = _winner(made).number
    split = split_of(made, number)
    grid = confidence_grid(split)
    assert view.locator("figure").count() == 6
    assert tallies(view) == expected(count_over(split, grid).at(grid.index(0.312)))
    slide(view, 70)
    assert tallies(view) == expected(count_over(split, grid).at(70))
    view.get_by_label("class", exact=True).select_option("2")
    assert tallies(view) == expected(count_over(split, grid, class_index=2).at(70))
    width = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]  # nothing sticks out
    for box in view.locator(".tag-of").all():
        assert (box.bounding_box() or {"width": 0})["width"] > 0


def test_ten_thousand_images_do_not_freeze_the_page(seen: Seen, served: str, made: PicturedStudy) -> None:
    """A move of the slider over 10,000 images of 20 detections: drawn within a fraction of a second."""
    number = _winner(made).number

    def many(route: Any) -> None:
        values = route.fetch().json()
        one = max(values["images"], key=lambda image: len(image[5]))
        found, about = (one[5] * 20)[: 9 * 20], (one[6] * 20)[:20]
        values["images"] = [[key, f"{key}.jpg", *one[2:5], found, about] for key in range(10_000)]
        values["total"] = 10_000
        route.fulfill(json=values)

    seen.page.route("**/detections", many)
    view = opened(seen, served, number)
    view.locator(".pager", has_text="of 10,000").wait_for(timeout=120_000)
    took_ms = view.locator("input[type=range]").evaluate(
        """async (one) => {
          const times = [];
          for (const at of [40, 41, 42, 43, 44]) {
            const began = performance.now();
            one.value = at; one.dispatchEvent(new Event("input"));
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            times.push(performance.now() - began);
          }
          return times.sort((a, b) => a - b)[2];
        }"""
    )
    assert took_ms < 400, took_ms
