"""Published weights fetched from hubs into the cache; a hub that cannot be reached is found out once, in seconds."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from objectives.machine.files import whole, write_text
from objectives.machine.locks import locked_folder
from objectives.weights.shelf import HASH_ENDING, Shelf
from spaces.errors import first_line
from spaces.network.published import Published

REACHED_S = 4.0  # within which a hub answers, or counts as out of reach; all hubs are asked at once
SILENCE_S = 20.0  # of a download, after which it has failed
READ_BYTES = 1 << 20
HUGGING_FACE = "https://huggingface.co"
YES = ("1", "on", "yes", "true")  # as Hugging Face's client reads its environment

Say = Callable[[str], None]


class HubUnreachable(Exception):
    """Published weights could not be fetched; the message is a reason in a few words."""


class Hubs:
    """The hubs, as far as they can be reached from here. Each is asked once."""

    def __init__(self, shelf: Shelf, say: Say = lambda _: None) -> None:
        """Prepare; `say` is called with a line before each download."""
        self.shelf, self.say = shelf, say
        self._lost: dict[str, str] = {}  # a hub's address -> why it cannot be reached; empty if it answered

    def fetch(self, wanted: Sequence[Published]) -> dict[str, str]:
        """Fetch weights that are not here into the cache, as far as hubs can be reached.

        Returns:
            Published name -> reason, of those that could not be fetched.
        """
        missing = [one for one in wanted if self.shelf.find(one) is None]
        self._ask(address for one in missing for address in map(_hub_of, _urls(one)) if _kept_elsewhere(one) is None)
        failed = {}
        self.shelf.cache.mkdir(parents=True, exist_ok=True)
        for one in missing:
            try:
                with locked_folder(self.shelf.cache):  # of several searches that begin, one fetches
                    if self.shelf.find(one) is None:
                        self._fetch(one)
            except HubUnreachable as error:
                failed[one.name] = str(error)
        return failed

    def _fetch(self, one: Published) -> None:
        """Fetch one file: from what Hugging Face's own client has kept, or from its hub."""
        if (kept := _kept_elsewhere(one)) is not None:
            with kept.open("rb") as stream:
                self._keep(self.shelf.cache / f"{one.name}{kept.suffix}", stream.read)
            return
        reason = ""
        for url in _urls(one):
            if self._lost.get(_hub_of(url)):
                raise HubUnreachable(self._lost[_hub_of(url)])
            try:
                self._download(one, url)
                return
            except HTTPError as error:  # the hub answers: this file it does not give
                reason = f"{url} answers {error.code} {error.reason}"
            except (OSError, HTTPException) as error:
                self._lost[_hub_of(url)] = f"{_hub_of(url)} broke off ({_reason(error)})"
                raise HubUnreachable(self._lost[_hub_of(url)]) from error
        raise HubUnreachable(reason)

    def _download(self, one: Published, url: str) -> None:
        with urlopen(Request(url, headers={"User-Agent": "automl"}), timeout=SILENCE_S) as answer:
            size = answer.headers.get("Content-Length")
            of = f" ({int(size) / 1e6:.1f} MB)" if size else ""
            self.say(f"fetching {one.name}{of} from {_hub_of(url)}")
            path = self.shelf.cache / f"{one.name}{Path(urlsplit(url).path).suffix}"
            self._keep(path, answer.read, int(size) if size else None)

    def _keep(self, path: Path, read: Callable[[int], bytes], size: int | None = None) -> None:
        """Write a file to the cache, and its hash beside it last.

        Raises:
            OSError: the file ended early.
        """
        digest, count = hashlib.sha256(), 0
        with whole(path, shared=True) as partial:
            with partial.open("wb") as stream:
                while chunk := read(READ_BYTES):
                    digest.update(chunk)
                    count += stream.write(chunk)
            if size is not None and count != size:
                raise ConnectionError(f"{count} of {size} bytes came")
        write_text(path.with_name(path.name + HASH_ENDING), f"{digest.hexdigest()}  {path.name}\n", shared=True)

    def _ask(self, hubs: Iterable[str]) -> None:
        """Find out which hubs answer; names are looked up in threads, since a resolver may take its time."""
        asked = {hub: [f"{hub} did not answer within {REACHED_S:g} s"] for hub in hubs if hub not in self._lost}
        threads = [threading.Thread(target=_ask, args=(hub, reason), daemon=True) for hub, reason in asked.items()]
        for thread in threads:
            thread.start()
        until = time.monotonic() + REACHED_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._lost.update({hub: reasons[-1] for hub, reasons in asked.items()})


def _ask(hub: str, reasons: list[str]) -> None:
    """Add why a hub cannot be reached to the reasons; nothing if it answers, whatever it says."""
    try:
        if _is_offline(hub):
            raise ConnectionError("HF_HUB_OFFLINE is set")
        with urlopen(Request(hub, method="HEAD", headers={"User-Agent": "automl"}), timeout=REACHED_S):
            reasons.append("")
    except HTTPError:
        reasons.append("")
    except (OSError, HTTPException, ValueError) as error:
        reasons.append(f"{hub} cannot be reached ({_reason(error)})")


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    return first_line(inner, 100)


def _urls(one: Published) -> list[str]:
    """Return where weights may lie, best first."""
    if one.url:
        return [one.url]
    return [f"{_endpoint()}/{one.repository}/resolve/main/{file}" for file in one.hub_files]


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", HUGGING_FACE).rstrip("/")


def _is_offline(hub: str) -> bool:
    return hub == _hub_of(_endpoint()) and os.environ.get("HF_HUB_OFFLINE", "").lower() in YES


def _hub_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _kept_elsewhere(one: Published) -> Path | None:
    """Return the file that Hugging Face's own client has fetched before, as timm would use it."""
    if not one.repository:
        return None
    from huggingface_hub import try_to_load_from_cache

    for file in one.hub_files:
        found = try_to_load_from_cache(one.repository, file)
        if isinstance(found, str):
            return Path(found)
    return None
