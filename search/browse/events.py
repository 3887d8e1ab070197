"""Server-sent events: which studies have changed, which have come or gone; without a reader nothing is looked at."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence

from starlette.concurrency import run_in_threadpool

from search.browse.feed import Feed
from search.browse.shelf import StudyShelf
from spaces.errors import AutomlError

STUDIES_EVERY_S = 2.0  # a folder is looked at for studies that have come or gone
ALIVE_EVERY_S = 10.0  # so that either side notices a line that is gone
AGAIN_MS = 1000  # after which a browser that has lost the line tries again


async def stream(shelf: StudyShelf, feeds: Sequence[Feed]) -> AsyncIterator[str]:
    """Yield events for one reader until the reader leaves.

    `changed` says a study's revision, and how the study stands; each study's comes first of all. `studies` comes where
    the list of studies is another than before; only a reader who names no study, or several, hears of it.

    Args:
        shelf: the studies that are shown.
        feeds: of the studies whose changes are of interest.
    """
    loop, changed, wake = asyncio.get_running_loop(), {feed.name for feed in feeds}, asyncio.Event()
    by_name = {feed.name: feed for feed in feeds}

    def note(name: str) -> None:
        changed.add(name)
        wake.set()

    def hear(name: str) -> None:  # in a feed's thread
        loop.call_soon_threadsafe(note, name)

    yield f"retry: {AGAIN_MS}\n\n"
    for feed in feeds:
        feed.listen(hear)
    try:
        known: list[str] | None = None
        said_at = time.monotonic()
        while True:
            if len(feeds) != 1 and (found := await run_in_threadpool(_there, shelf)) != known:
                if known is not None:
                    yield _event("studies", {"studies": found})
                known = found
            for event in _changed_events(by_name, changed):
                yield event
                said_at = time.monotonic()
            if time.monotonic() - said_at > ALIVE_EVERY_S:
                yield ": here\n\n"
                said_at = time.monotonic()
            try:
                await asyncio.wait_for(wake.wait(), STUDIES_EVERY_S)
            except TimeoutError:
                continue
            wake.clear()
    finally:
        for feed in feeds:
            feed.leave(hear)


def _changed_events(feeds: Mapping[str, Feed], changed: set[str]) -> list[str]:
    """Return what is to be said of the feeds whose names are in `changed`, which is emptied."""
    news = [feeds[name].news for name in sorted(changed)]
    changed.clear()
    return [_event("changed", one) for one in news if one["revision"] or one["state"]]


def _there(shelf: StudyShelf) -> list[str]:
    try:
        return shelf.there()
    except AutomlError:  # a storage that is away: each study's feed says so
        return []


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
