"""Orders in the store: oldest first, one answer each, none for another order, on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from postgres_server import PostgresServer

from objectives.latency.hosts.queue import Answer
from search.study.measuring.orders import Orders
from search.study.store import open_storage, storage_url
from spaces.errors import DeviceError


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.seconds)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return storage_url(tmp_path, None)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(server.new_database())


@pytest.fixture
def orders_of(url: str) -> Iterator[Callable[[str], Orders]]:
    """Return the orders of a study, each time as another process has them."""
    opened = []

    def orders(name: str) -> Orders:
        storage = open_storage(url)
        opened.append(storage)
        return Orders(optuna.create_study(study_name=name, storage=storage, load_if_exists=True))

    yield orders
    for storage in opened:
        storage._backend.engine.dispose()  # type: ignore[attr-defined]  # of SearchStorage


def body(text: str) -> dict[str, object]:
    return {"files": [[]], "what": text}


def test_orders_wait_oldest_first_and_are_seen_by_all(orders_of: Callable[[str], Orders]) -> None:
    own, others = orders_of("one"), orders_of("one")
    assert not others.is_made()
    own.make()
    others.make()
    first, second = own.put(3, "cpu", body("first")), own.put(4, "cpu", body("second"))
    own.put(3, "gpu", body("on another device"))
    waiting = others.waiting(["cpu"])
    assert [(one.number, one.asker, one.body["what"]) for one in waiting] == [
        (first, 3, "first"),
        (second, 4, "second"),
    ]
    assert [one.body["what"] for one in others.waiting(["cpu", "gpu"])] == ["first", "second", "on another device"]


def test_an_order_gets_its_own_answer_and_the_first_one_stands(orders_of: Callable[[str], Orders]) -> None:
    orders = orders_of("one")
    orders.make()
    first, second = orders.put(1, "cpu", body("a")), orders.put(1, "cpu", body("b"))
    assert orders.answer_of(first) is None
    orders.answer(second, Answer((DeviceError("it cannot be run"),)), "bench")
    orders.answer(second, Answer(away="too late"), "bench")
    assert orders.answer_of(first) is None
    found = orders.answer_of(second)
    assert found is not None
    assert (str(found.figures[0]), type(found.figures[0]), found.away) == ("it cannot be run", DeviceError, "")
    assert [one.number for one in orders.waiting(["cpu"])] == [first]
    assert orders.waits(first)
    assert not orders.waits(second)


def test_a_number_never_comes_again(orders_of: Callable[[str], Orders]) -> None:
    """A late answer to an order that was dropped must not become that of the next one."""
    orders = orders_of("one")
    orders.make()
    dropped = orders.put(1, "cpu", body("dropped"))
    orders.drop(dropped)
    orders.drop(dropped)
    with pytest.raises(LookupError):
        orders.answer_of(dropped)
    after = orders.put(1, "cpu", body("after"))
    assert after > dropped
    orders.answer(dropped, Answer(away="late"), "bench")
    assert orders.answer_of(after) is None


def test_studies_of_one_database_have_their_own_orders(orders_of: Callable[[str], Orders]) -> None:
    one, other = orders_of("one"), orders_of("other")
    one.make()
    one.put(1, "cpu", body("of one"))
    assert other.is_made()
    assert other.waiting(["cpu"]) == []
