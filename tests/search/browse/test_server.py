"""The server's addresses: what they answer, to whom, and what has changed since."""

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from optuna.exceptions import StorageInternalError
from starlette.testclient import TestClient
from stored_study import StoredStudy

from search.browse.app import make_app
from search.browse.changes import StoreWatch, file_stamp
from search.browse.security import Tokens
from search.browse.serve import bound
from search.browse.shelf import StudyShelf
from search.commands.shown.next_lines import where_words
from search.study.requests.act import act
from search.study.study_file import file_url
from spaces.errors import AutomlError

HOSTILE = "a&b <script>alert(1)<script> ü ?#%'\""


class Asked:
    """What readers asked, instead of a search that would obey."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str | None, Mapping[str, Any]]] = []

    def __call__(self, name: str, folder: str, store: str | None, request: Mapping[str, Any]) -> str:
        if request.get("action") != "pause":
            raise AutomlError(f"action: must be pause, got {request.get('action')!r}")
        self.requests.append((name, folder, store, request))
        return f"{name} pauses"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredStudy:
    return StoredStudy(tmp_path_factory.mktemp("runs"), 6)


@pytest.fixture(scope="module")
def asked_of_all() -> Asked:
    return Asked()


@pytest.fixture
def asked(asked_of_all: Asked) -> Asked:
    asked_of_all.requests.clear()
    return asked_of_all


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture(scope="module")
def client(stored: StoredStudy, asked_of_all: Asked, tokens: Tokens) -> Iterator[TestClient]:
    app = make_app(StudyShelf(stored.folder, None), tokens, asked_of_all, ("pi.example",))
    with TestClient(app, base_url="http://localhost:8765", raise_server_exceptions=True) as client:
        yield client


def data(client: TestClient, since: int | None = None) -> dict[str, Any]:
    answer = client.get("/studies/retail/data", params={} if since is None else {"since": since})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_has_changed_since(client: TestClient, stored: StoredStudy) -> None:
    first = data(client)
    assert [row["n"] for row in first["whole"]["report"]["rows"]] == list(range(stored.count))
    assert data(client, first["revision"])["changes"] == []
    number = stored.add_finished()
    later = data(client, first["revision"])
    assert later["revision"] > first["revision"]
    assert number in [row["n"] for change in later["changes"] for row in change["rows"]]
    assert len([row for change in later["changes"] for row in change["rows"]]) < stored.count
    assert "front_gate" in later["changes"][-1]["report"]["d"]["figures"]["d"]
    assert "whole" in data(client, 17)  # of another server, long ago


def test_how_far_the_search_is(client: TestClient, stored: StoredStudy) -> None:
    said = data(client)["whole"]["report"]["progress"]
    assert re.match(r"\d+ of [\d,]+ trials?, ", said["used"])
    assert " left" in said["left"]
    assert said["paused"] == ""
    assert '"progress":{"used":' in client.get("/studies/retail").text


def test_a_page_and_where_it_stands(client: TestClient) -> None:
    answer = client.get("/studies/retail")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'nonce="{nonce}"' in answer.text
    assert f"'nonce-{nonce}'" not in client.get("/studies/retail").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/").status_code == 200
    assert client.get("/static/plotly.min.js").headers["content-type"].startswith("text/javascript")


def test_a_study_that_was_deleted_or_comes_later(client: TestClient, stored: StoredStudy) -> None:
    revision = data(client)["revision"]
    stored.file.rename(stored.file.with_suffix(".away"))
    gone = client.get("/studies/retail/data", params={"since": revision})
    assert (gone.status_code, gone.json()["error"]) == (
        404,
        "study: there is no 'retail' any more; it has been deleted",
    )
    assert client.get("/studies/later").status_code == 404
    stored.file.with_suffix(".away").rename(stored.file)
    assert "whole" in data(client, revision)
    StoredStudy(stored.folder, 6, name="later")
    assert client.get("/studies/later").status_code == 200


def test_asking_needs_the_token(client: TestClient, asked: Asked, tokens: Tokens, stored: StoredStudy) -> None:
    there, pause = "/studies/retail/actions", {"action": "pause"}
    for wrong in ({}, {"X-Automl-Token": ""}, {"X-Automl-Token": tokens.token[:-1]}, {"X-Automl-Token": "ü"}):
        headers = {key: value.encode() for key, value in wrong.items()}
        assert client.post(there, json=pause, headers=headers).status_code == 403
    assert asked.requests == []
    mine = {"X-Automl-Token": tokens.token}
    assert client.post(there, json=pause, headers=mine).json() == {"said": "retail pauses"}
    assert asked.requests == [("retail", str(stored.folder), None, pause)]
    refused = client.post(there, json={"action": "stop"}, headers=mine)
    assert (refused.status_code, refused.json()) == (400, {"error": "action: must be pause, got 'stop'"})
    for body in ("", "[]", "{", b"\xff", json.dumps({"action": "pause", "why": "x" * 70_000})):
        assert client.post(there, content=body, headers=mine).status_code == 400
    assert client.get(there).status_code == 405
    assert client.put("/studies/retail").text == "automl browse: PUT is not answered at /studies/retail\n"
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example:8765"},
        {"Host": "localhost.evil.example"},
        {"Host": ""},
    ],
)
def test_another_origin_changes_nothing(
    client: TestClient, asked: Asked, tokens: Tokens, headers: dict[str, str]
) -> None:
    mine = {"X-Automl-Token": tokens.token, **headers}
    assert client.post("/studies/retail/actions", json={"action": "pause"}, headers=mine).status_code == 403
    assert asked.requests == []
    if "Sec-Fetch-Site" not in headers:  # a link from elsewhere may open a page
        answer = client.get("/studies/retail/data", headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "[::1]:8765", "192.168.1.7", "LOCALHOST", "pi.example", socket.gethostname()]
)
def test_names_that_nobody_else_can_take(client: TestClient, host: str) -> None:
    assert client.get("/studies/retail/data", headers={"Host": host}).status_code == 200


def test_the_token_leaves_the_address(client: TestClient, tokens: Tokens) -> None:
    entry = client.get("/", params={"token": tokens.token})
    assert entry.status_code == 200
    assert tokens.token in entry.text
    assert client.get("/studies/retail", params={"token": "wrong"}).status_code == 403
    ticket = tokens.ticket()
    assert tokens.token in client.get("/", params={"ticket": ticket}).text
    assert client.get("/", params={"ticket": ticket}).status_code == 403  # once
    assert tokens.token not in client.get("/").text + client.get("/studies/retail").text


@pytest.mark.parametrize(
    "address",
    [
        "/studies/..%2f..%2fetc/data",
        "/studies/%2e%2e/data",
        "/studies/retail%2f..%2fretail/data",
        "/static/..%2f..%2fpyproject.toml",
        "/studies/retail/trials/..%2f1/sheet.jpg",
        "/studies/retail/trials/999/sheet.jpg",
        "/studies/retail/data?device=nosuch",
        "/nothing",
    ],
)
def test_no_name_becomes_a_path(client: TestClient, address: str) -> None:
    answer = client.get(address)
    if "device" in address:  # of one device there is nothing to choose
        assert answer.status_code == 200
        return
    assert answer.status_code == 404
    assert answer.text.count("\n") <= 1


def test_a_folder_outside_of_the_study_is_not_served(tmp_path: Path) -> None:
    stored = StoredStudy(tmp_path, 6)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "detections.jpg").write_bytes(b"\xff\xd8\xff secret")
    trial = stored.study.ask()
    trial.set_user_attr("automl.folder", "../outside")
    feed = StudyShelf(tmp_path, None).feed("retail")
    with pytest.raises(AutomlError, match="outside of its study's"):
        feed.sheet(trial.number)


def test_contact_sheets(client: TestClient, stored: StoredStudy) -> None:
    row = next(row for row in data(client)["whole"]["report"]["rows"] if row.get("front"))
    sheet = stored.folder / "retail" / "trials" / f"{row['n']:05d}" / "detections.jpg"
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(b"\xff\xd8\xff here")
    assert client.get(f"/studies/retail/trials/{row['n']}/sheet.jpg").content == b"\xff\xd8\xff here"


def test_names_with_unusual_characters(tmp_path: Path, asked: Asked, tokens: Tokens) -> None:
    StoredStudy(tmp_path, 6, name=HOSTILE)
    with TestClient(make_app(StudyShelf(tmp_path, None), tokens, asked), base_url="http://localhost") as client:
        there = f"/studies/{quote(HOSTILE, safe='')}"
        page = client.get(there)
        assert page.status_code == 200
        assert "<script>alert(1)" not in page.text
        assert client.get(f"{there}/data").json()["whole"]["report"]["study"] == HOSTILE
        mine = {"X-Automl-Token": tokens.token}
        assert client.post(f"{there}/actions", json={"action": "pause"}, headers=mine).status_code == 200
        assert asked.requests[0][0] == HOSTILE
        assert "<script>alert(1)" not in client.get("/").text


@pytest.mark.parametrize("body", ["[" * 60_000, '{"a":' * 10_000, '{"action": "pause", "\\ud800": 1}'])
def test_strange_bodies_are_refused_in_a_line(stored: StoredStudy, tokens: Tokens, body: str) -> None:
    with TestClient(make_app(StudyShelf(stored.folder, None), tokens, act), base_url="http://localhost") as client:
        answer = client.post("/studies/retail/actions", content=body, headers={"X-Automl-Token": tokens.token})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(("request: must be a JSON object", "pause: takes nothing more, got '?'"))


def test_heads_of_streams_end(client: TestClient) -> None:
    answer = client.head("/events?study=retail")  # the answer to a GET goes on for as long as the reader stays
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert client.head("/events?study=none").status_code == 404


@pytest.mark.parametrize(("where", "status"), [("data?since={}", 400), ("trials/{}/sheet.jpg", 404)])
def test_numbers_beyond_all_numbers(client: TestClient, where: str, status: int) -> None:
    assert client.get(f"/studies/retail/{where.format('1' * 5000)}").status_code == status


def test_a_store_by_its_url(tmp_path: Path, asked: Asked, tokens: Tokens) -> None:
    stored = StoredStudy(tmp_path / "made", 6)
    shelf = StudyShelf(tmp_path / "runs", file_url(stored.file))
    with TestClient(make_app(shelf, tokens, asked), base_url="http://localhost") as client:
        assert shelf.there() == ["retail"]
        revision = data(client)["revision"]
        stored.add_finished()
        assert data(client, revision)["changes"]


def test_nothing_is_read_while_nobody_listens(stored: StoredStudy) -> None:
    feed = StudyShelf(stored.folder, None).feed("retail")
    heard: list[str] = []
    begins = time.monotonic()
    feed.listen(heard.append)
    wait(lambda: feed.news["revision"])
    read_s = time.monotonic() - begins
    heard.clear()
    began = time.monotonic()
    stored.add_finished()
    wait(lambda: heard)
    assert time.monotonic() - began < 2 + 5 * read_s
    feed.leave(heard.append)
    wait(lambda: "browse retail" not in [thread.name for thread in threading.enumerate()])
    revision = feed.news["revision"]
    stored.add_finished()
    time.sleep(0.6)
    assert feed.news["revision"] == revision
    assert json.loads(feed.answer(int(str(revision)), None))["changes"]


def test_what_a_request_has_read_first_is_said_to_listeners(stored: StoredStudy) -> None:
    feed = StudyShelf(stored.folder, None).feed("retail")
    heard: list[str] = []
    feed._watch.poll_s = 2.0
    feed.listen(heard.append)
    wait(lambda: heard and feed.news["revision"])
    time.sleep(0.2)  # now it waits
    heard.clear()
    stored.add_finished()
    feed.page("a second reader's")
    assert not heard
    wait(lambda: heard, 6)
    feed.leave(feed._listeners[0])


def test_a_mistake_of_ours_ends_no_stream(stored: StoredStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = StudyShelf(stored.folder, None).feed("retail")
    monkeypatch.setattr("search.browse.feed.READS_AGAIN_S", 0.1)
    with monkeypatch.context() as broken:
        broken.setattr(feed._reading, "read", lambda whole: [][0])
        feed.listen(lambda _: None)
        wait(lambda: feed.news["state"] == "away")
        assert feed.news["note"] == "IndexError: list index out of range"
    wait(lambda: feed.news["revision"] and feed.news["state"] != "away")
    feed.leave(feed._listeners[0])


def test_a_searching_process_is_never_held_up(stored: StoredStudy) -> None:
    """Writes wait no longer beside readers than SQLite's own short locks."""
    feed = StudyShelf(stored.folder, None).feed("retail")
    feed.listen(lambda _: None)
    waited = []
    for _ in range(20):
        began = time.monotonic()
        stored.study.set_user_attr("automl.probe", began)
        waited.append(time.monotonic() - began)
    feed.leave(feed._listeners[0])
    assert max(waited) < 2
    assert not list(stored.file.parent.glob("*-journal"))


def test_a_reader_cannot_write(stored: StoredStudy) -> None:
    feed = StudyShelf(stored.folder, None).feed("retail")
    feed.answer(None, None)
    study = feed._reading._study
    assert study is not None
    with pytest.raises(StorageInternalError) as refused:
        study.set_user_attr("x", 1)
    assert "readonly" in str(refused.value.__cause__)


def test_what_shows_a_write(stored: StoredStudy) -> None:
    os.utime(stored.file, (1, 1))
    before = file_stamp(stored.file)
    assert before == file_stamp(stored.file)
    stored.study.set_user_attr("x", 1)
    assert file_stamp(stored.file) != before
    assert StoreWatch("none", stored.folder, None).stamp() is None


def test_a_port_that_is_taken() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AutomlError, match=rf"--port: {port} of 127.0.0.1 is taken.*--port 0"):
            bound("127.0.0.1", port)
    with pytest.raises(AutomlError, match=r"--host: 'no\.such\.invalid' is no address"):
        bound("no.such.invalid", 0)


def wait(what: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_commands_lead_to_studies_that_live_elsewhere(tmp_path: Path, asked: Asked, tokens: Tokens) -> None:
    folder = str(tmp_path / "my runs")
    shelf = StudyShelf(tmp_path / "my runs", None, (), where_words(folder, None))
    assert shelf.search_words == [f"store.folder={folder}"]
    with TestClient(make_app(shelf, tokens, asked), base_url="http://localhost") as own:
        assert "store.folder=" in own.get("/").text
        StoredStudy(tmp_path / "my runs", 3)
        assert f'"where":["--folder","{folder}"]' in own.get("/studies/retail").text
