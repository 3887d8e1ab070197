"""The server: POST /detect, GET /healthz, GET /metrics; each answer goes to the log of predictions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from objectives.data.pictures.decode import decode
from objectives.deploy.detector import Image
from objectives.deploy.serving.fleet import SERVER_LOG, Fleet, TimedBoxes, Turn, hash_of
from objectives.deploy.serving.options import ServerOptions
from objectives.predictions.record import PredictionRecord
from objectives.predictions.write import append
from spaces.errors import AutomlError, first_line

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, eq=False)
class AskedPixels:
    """An image that is asked about: its pixels (H, W, 3) BGR, the name that the log gives it, and its group."""

    pixels: Image
    name: str
    group: str


class Answering:
    """Answers by the fleet, logged and counted."""

    def __init__(self, fleet: Fleet, options: ServerOptions) -> None:
        """Answer by a fleet, with counters of its own."""
        self._fleet, self._options = fleet, options
        self.registry = CollectorRegistry()
        labels = ["version", "shadow"]
        self._answers = Counter("automl_answers", "Images answered", [*labels, "failed"], registry=self.registry)
        self._refused = Counter("automl_refused", "Requests without an image that can be read", registry=self.registry)
        self._unlogged = Counter("automl_unlogged", "Answers that could not be logged", registry=self.registry)
        self._latency = Histogram(
            "automl_latency_seconds",
            "Letterbox, network and NMS",
            labels,
            registry=self.registry,
            buckets=BUCKETS_S,
        )

    def refuse(self) -> None:
        """Count a request without an image that can be read: no version's fault, and not in the log."""
        self._refused.inc()

    def first(self, turn: Turn, asked: AskedPixels) -> tuple[str, TimedBoxes | None, str]:
        """Return who answered, what it found, and why it has not; a canary that fails is stood in for."""
        found, why = self.one(turn, turn.version, asked, is_shadow=bool(self._options.shadow_of))
        if found is None and turn.fallback:
            found, why = self.one(turn, turn.fallback, asked, is_shadow=False)
            return turn.fallback, found, why
        return turn.version, found, why

    def one(self, turn: Turn, version: str, asked: AskedPixels, *, is_shadow: bool) -> tuple[TimedBoxes | None, str]:
        """Let a version answer; what it found, or why it has not, is logged and counted."""
        found, error = None, ""
        try:
            found = self._fleet.answer(turn.detectors[version], asked.pixels)
            self._latency.labels(version, is_shadow).observe(found.latency_ms / 1000)
        except Exception as problem:  # whatever a runtime raises is an answer that failed, not the end of the server
            error = first_line(problem)
            SERVER_LOG.exception("%s failed on '%s'", version, asked.name)
        self._answers.labels(version, is_shadow, not found).inc()
        self._log(version, asked, found, error, is_shadow=is_shadow)
        return found, error

    def _log(self, version: str, asked: AskedPixels, found: TimedBoxes | None, error: str, *, is_shadow: bool) -> None:
        if self._options.log is None:
            return
        height, width = asked.pixels.shape[:2]
        boxes, latency_ms = (found.boxes, found.latency_ms) if found else ((), None)
        at = datetime.now(UTC)
        record = PredictionRecord(
            at, asked.name, version, is_shadow, boxes, latency_ms, width, height, asked.group, error
        )
        try:
            append(self._options.log, [record])
        except OSError as problem:  # a full disk must not end the answers
            self._unlogged.inc()
            SERVER_LOG.error("not logged: %s", problem)


def make_app(options: ServerOptions) -> Starlette:
    """Return the server's application.

    Raises:
        AutomlError: no version can be served.
    """
    fleet = Fleet(options)
    fleet.look()
    answering = Answering(fleet, options)

    async def detect(request: Request) -> Response:
        """Answer an image: the request's body is the file, `image` and `group` name it in the log."""
        data = await _body(request, options.body_mb_max)
        if data is None:
            return _problem(413, f"the image is larger than {options.body_mb_max:g} MB (AUTOML_BODY_MB_MAX)")
        pixels = await run_in_threadpool(decode, np.frombuffer(data, np.uint8))
        if pixels is None:
            answering.refuse()
            return _problem(400, "the body is no image that can be decoded; send a file's bytes as they are")
        digest = hash_of(data)
        names = request.query_params
        asked = AskedPixels(pixels, names.get("image") or digest.hex(), names.get("group", ""))
        return await run_in_threadpool(_answer, fleet, answering, asked, digest)

    async def healthz(_: Request) -> Response:
        """Say which version serves."""
        try:
            version, rollout = await run_in_threadpool(fleet.look)
        except AutomlError as error:
            return _problem(503, str(error))
        beside = {"version": rollout.version, "kind": rollout.kind, "share": rollout.share} if rollout else None
        return JSONResponse({"version": version, "rollout": beside})

    async def metrics(_: Request) -> Response:
        """Give the counters to Prometheus."""
        return Response(generate_latest(answering.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(
        routes=[
            Route("/detect", detect, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/metrics", metrics),
        ]
    )


def _answer(fleet: Fleet, answering: Answering, asked: AskedPixels, digest: bytes) -> Response:
    try:
        turn = fleet.turn(digest)
    except AutomlError as error:
        return _problem(503, str(error))
    version, found, why = answering.first(turn, asked)
    later = BackgroundTask(_shadow, answering, turn, asked) if turn.shadow else None
    if found is None:
        return JSONResponse({"error": why, "version": version}, 500, background=later)
    return JSONResponse(_words(version, asked, found), background=later)


def _shadow(answering: Answering, turn: Turn, asked: AskedPixels) -> None:
    """Let the shadow answer once the answer that counts is on its way."""
    answering.one(turn, turn.shadow, asked, is_shadow=True)


def _words(version: str, asked: AskedPixels, found: TimedBoxes) -> dict[str, Any]:
    height, width = asked.pixels.shape[:2]
    detections = [{"class": one.label, "score": one.score, "box": list(one.box_xyxy)} for one in found.boxes]
    return {
        "version": version,
        "image": asked.name,
        "width": width,
        "height": height,
        "latency_ms": found.latency_ms,
        "detections": detections,
    }


def _problem(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def _body(request: Request, mb_max: float) -> bytes | None:
    """Return a request's body; None once it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > mb_max * 1e6:
            return None
        parts.append(part)
    return b"".join(parts)
