"""Alerts: posted to a real server and given to a real hook, once until they change; what fails is said."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from watched_pipeline import at, begin, looked, pipeline

from search.operate.journal.facts import FactKind
from search.operate.monitoring.alerts import alert
from search.operate.watching.contract import TriggerKind

CAMERA = "images without content of 'store-1'"
FOUND = {"alerts": [CAMERA], "drift": [], "triggers": []}
GONE: dict[str, Any] = {"alerts": [], "drift": [], "triggers": []}


class Receiver(HTTPServer):
    """Keeps what is posted; answers with the codes that it is given, then with 200."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.codes: list[int] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret-token"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.send_response(self.server.codes.pop(0) if self.server.codes else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_alert_is_posted_once_until_something_happens(tmp_path: Path, receiver: Receiver) -> None:
    with pipeline(tmp_path, f"monitoring.webhook={receiver.address}") as context:
        assert alert(context, "the search failed: no space", number=2) == "sent by webhook"
        sent = receiver.posted[0]
        assert sent["text"] == "automl, shelves: the search failed: no space"
        assert (sent["pipeline"], sent["round"], sent["at"]) == ("shelves", 2, context.now.isoformat())
        context.journal.record(FactKind.FAILED, context.now, {"step": "searched", "error": "no space"}, 2)
        assert alert(at(context, 1), "the search failed: no space", number=2) == ""
        assert alert(at(context, 1), "the search failed: no memory", number=2) == "sent by webhook"
        begin(context, 3, TriggerKind.BY_HAND)
        assert alert(at(context, 2), "the search failed: no space") == "sent by webhook"
        facts = context.journal.state().of_kind(FactKind.ALERTED)
        assert [fact.words["sent"] for fact in facts] == ["sent by webhook"] * 3
        assert [fact.round for fact in facts] == [2, 2, None]
    assert len(receiver.posted) == 3


def test_a_finding_is_sent_again_when_it_was_gone_or_after_a_week(tmp_path: Path) -> None:
    with pipeline(tmp_path) as context:
        looked(context, FOUND)
        assert alert(context, CAMERA, about=CAMERA).startswith("sent to nobody: neither monitoring.webhook")
        looked(at(context, 1), FOUND)
        assert alert(at(context, 1), CAMERA, about=CAMERA) == ""
        looked(at(context, 2), GONE)
        looked(at(context, 3), FOUND)
        assert alert(at(context, 3), CAMERA, about=CAMERA)
        looked(at(context, 9.9), FOUND)
        assert alert(at(context, 9.9), CAMERA, about=CAMERA) == ""
        assert alert(at(context, 10), CAMERA, about=CAMERA)


def test_a_webhook_is_tried_twice_and_then_said_to_fail(tmp_path: Path, receiver: Receiver) -> None:
    with pipeline(tmp_path, f"monitoring.webhook={receiver.address}") as context:
        receiver.codes = [503]
        assert alert(context, "one") == "sent by webhook"
        receiver.codes = [500, 500]
        failed = alert(context, "other")
        assert failed == "webhook failed: HTTP Error 500: Internal Server Error"
        assert alert(at(context, 0.01), "other") == "", "not at each look"
        assert alert(at(context, 0.1), "other") == "sent by webhook", "but an hour later"
    assert len(receiver.posted) == 5


def test_nobody_listens(tmp_path: Path) -> None:
    with pipeline(tmp_path, "monitoring.webhook=http://127.0.0.1:1/secret-token") as context:
        failed = alert(context, "one")
        assert failed.startswith("webhook failed: ")
        assert "secret-token" not in failed


def test_a_hook_is_given_the_fact(tmp_path: Path) -> None:
    with pipeline(tmp_path, f"hooks.alert='cat > {tmp_path}/alert.json'") as context:
        assert alert(context, "a <b> & 'c'") == "sent by hook"
        given = json.loads((tmp_path / "alert.json").read_text())
        assert given["words"]["what"] == "a <b> & 'c'"
        assert given["number"] == context.journal.state().of_kind(FactKind.ALERTED)[0].number
