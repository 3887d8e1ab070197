"""optuna-dashboard on the store of a study while it is searched, and Optuna's own readers: nothing of ours is harmed.

Its WSGI program, whole, as its process would run it: pages, lists, a trial's note and a tag of the user's are asked for
and written between and beside the writes of a real search.
"""

import json
import threading
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import optuna
import pytest
from quick_search import settings_of, wait_until

import search
from objectives.data.dataset import Dataset
from search.study.store import storage_url

QUICK = ("sampler=random", "pruner=none", "experience=none", "baseline=none")
Ask = Callable[..., tuple[int, bytes]]


def dashboard(url: str) -> Ask:
    """Return what asks the dashboard of a storage: `ask(path)`, `ask(path, {"body": ...}, "PUT")`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        from optuna_dashboard import wsgi

        app = wsgi(optuna.storages.RDBStorage(url))

    def ask(path: str, body: Any = None, method: str = "GET") -> tuple[int, bytes]:
        sent = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "localhost"}
        environ |= {"SERVER_PORT": "80", "wsgi.input": BytesIO(sent), "CONTENT_LENGTH": str(len(sent))}
        environ |= {"CONTENT_TYPE": "application/json", "wsgi.url_scheme": "http", "wsgi.errors": BytesIO()}
        status: list[str] = []
        answer = app(environ, lambda line, headers, *_: status.append(line))
        try:
            return int(status[0].split()[0]), b"".join(answer)
        finally:
            getattr(answer, "close", lambda: None)()  # of a file

    return ask


def read_all(ask: Ask, study: int) -> list[dict[str, Any]]:
    """Ask for all that the page of a study asks for; return its trials."""
    assert ask("/dashboard")[0] == 200
    assert study in [one["study_id"] for one in json.loads(ask("/api/studies")[1])["study_summaries"]]
    status, answer = ask(f"/api/studies/{study}?after=0")
    assert status == 200
    trials: list[dict[str, Any]] = json.loads(answer)["trials"]
    return trials


@pytest.mark.slow
@pytest.mark.seconds
def test_a_search_goes_on_while_the_dashboard_reads_and_writes(tmp_path: Path, blocks: Dataset) -> None:
    folder = tmp_path / "smoke"
    first = search.search(settings_of(tmp_path, "budget.trials=1", *QUICK), dataset=blocks)
    url = storage_url(folder, None)
    ask = dashboard(url)
    study = optuna.load_study(study_name="smoke", storage=url)
    number = study._study_id
    done, answers, faults = threading.Event(), 0, []

    def look() -> None:
        nonlocal answers
        while not done.is_set():
            try:
                trials = read_all(ask, number)
                note = {"body": "good", "version": answers + 1}
                noted = ask(f"/api/studies/{number}/{trials[0]['trial_id']}/note", note, "PUT")
                assert noted[0] in (204, 409), noted
                answers += noted[0] == 204
            except Exception as error:  # of a thread: the test says which
                faults.append(error)
                return
            done.wait(0.05)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        search.search(settings_of(tmp_path, "budget.trials=3", *QUICK), dataset=blocks)
    finally:
        done.set()
        reader.join()
    assert faults == []
    assert answers >= 1
    study.set_user_attr("seen by", "a reader")
    table = search.search(settings_of(tmp_path, "budget.trials=4", *QUICK), dataset=blocks)
    assert [row.number for row in table.rows] == [0, 1, 2, 3]
    assert len(table.finished) == 4
    assert table.rows[0].accuracy == first.rows[0].accuracy
    assert table.rows[0].candidate == first.rows[0].candidate
    wait_until(lambda: len(read_all(ask, number)) == 4, 60)  # it reads trials anew every ten seconds


@pytest.mark.slow
@pytest.mark.seconds
def test_optuna_reads_and_draws_a_study(tmp_path: Path, blocks: Dataset) -> None:
    search.search(settings_of(tmp_path, "budget.trials=4", *QUICK), dataset=blocks)
    study = optuna.load_study(study_name="smoke", storage=storage_url(tmp_path / "smoke", None))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4
    assert {trial.number for trial in study.best_trials} == {
        row.number for row in search.read_study("smoke", tmp_path).front
    }
    front = optuna.visualization.plot_pareto_front(study, target_names=["mAP", "p50 ms"])
    assert sum(len(trace.x) for trace in front.data) == 4
    history = optuna.visualization.plot_optimization_history(
        study, target=lambda trial: trial.values[0], target_name="mAP"
    )
    assert len(history.data[0].x) == 4
    assert optuna.visualization.plot_slice(study, target=lambda trial: trial.values[1], target_name="p50 ms").data
