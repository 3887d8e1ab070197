"""Metrics of the user's own: functions of what a detector finds, what is labelled, its latency and its file."""

import inspect
import math
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.records.gate import ENDS, TARGET_KEY
from objectives.records.records import Latency
from spaces.errors import SettingsError, first_line, nearest

RAISED = (Exception, SystemExit)  # whatever the user's code raises, and where it ends the process by sys.exit()
NO_ARGUMENTS = (TARGET_KEY, "name", *ENDS)  # of a metric's settings; all others are the function's own


@dataclass(frozen=True, eq=False)
class Measured:
    """What a metric is given: each by the name of a parameter of the function, which takes what it wants.

    Attributes:
        detections: one an image, all scored above 0.001: boxes (n, 4) left, top, right, bottom in pixels of the image,
            scores (n,), classes (n,).
        images: the split: path, width and height in pixels, boxes (m, 4) left, top, width, height, classes (m,).
        classes: class names by index.
        confidence: score that detections must exceed as deployed.
        latency: of the file.
        file: the deployable file.
    """

    detections: Sequence[Detections]
    images: Sequence[LabelledImage]
    classes: Sequence[str]
    confidence: float
    latency: Latency
    file: Path


OF_MEASURED = tuple(Measured.__annotations__)


def check_own(metrics: Sequence[Mapping[str, Any]]) -> None:
    """Check that the functions can be imported, and take what they are given; nothing is run but their modules.

    Raises:
        SettingsError: one cannot be imported, or its parameters do not fit.
    """
    for one in metrics:
        _check_parameters(one, _load(one))


def measure_own(
    metrics: Sequence[Mapping[str, Any]],
    measured: Measured,
    warn: Callable[[str], None],
    beat: Callable[[], None] = lambda: None,
) -> dict[str, float | None]:
    """Return the value of each metric by its name; None for one that cannot be had, which is a warning.

    Args:
        metrics: as a gate holds them.
        measured: what they are functions of.
        warn: takes one line for each that gives no number.
        beat: called before each metric: the time that a trial may be silent begins anew.
    """
    values = {}
    for one in metrics:
        beat()
        values[one["name"]] = _value(one, measured, warn)
    return values


def _value(one: Mapping[str, Any], measured: Measured, warn: Callable[[str], None]) -> float | None:
    name = one["name"]
    try:
        function = _load(one)
    except SettingsError as error:  # it was there before the first trial
        warn(str(error))
        return None
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    given = {key: getattr(measured, key) for key in OF_MEASURED if takes_any or key in parameters}
    try:
        value = function(**{**given, **_settings(one)})
    except RAISED as error:  # the training must not be lost for it
        warn(f"gate.own: '{name}' was not measured: {type(error).__name__}: {first_line(error)}")
        return None
    try:
        number = float(value)
    except RAISED:  # arrays and tensors of the user's, too
        warn(f"gate.own: '{name}' was not measured: it must give a number, got {type(value).__name__}")
        return None
    if not math.isfinite(number):
        warn(f"gate.own: '{name}' was not measured: it gave {number}")
        return None
    return number


def _load(one: Mapping[str, Any]) -> Callable[..., Any]:
    """Import a function; the folder in which the search runs is looked at last."""
    here, path = str(Path.cwd()), one[TARGET_KEY]
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    try:
        found = pkgutil.resolve_name(path)
    except RAISED as error:  # while the module is imported
        raise SettingsError(
            f"gate.own: cannot import '{path}' ({first_line(error)}); give the dotted path of a function in this "
            "folder, in PYTHONPATH or installed"
        ) from error
    if not callable(found):
        raise SettingsError(f"gate.own: '{path}' cannot be called; give the dotted path of a function")
    return found  # type: ignore[no-any-return]  # callable, as was just checked


def _settings(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in NO_ARGUMENTS}


def _check_parameters(one: Mapping[str, Any], function: Callable[..., Any]) -> None:
    path, own = one[TARGET_KEY], _settings(one)
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:
        raise SettingsError(
            f"gate.own: the parameters of '{path}' cannot be seen; wrap it in a function of Python"
        ) from None
    plain = [p for p in parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    for parameter in plain:
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise SettingsError(f"gate.own: '{path}' takes '{parameter.name}' by position alone; take it by its name")
        if parameter.name not in (*OF_MEASURED, *own) and parameter.default is parameter.empty:
            hint = f"{nearest(parameter.name, OF_MEASURED)}; known: {', '.join(OF_MEASURED)}"
            raise SettingsError(f"gate.own: '{path}' takes '{parameter.name}', which it is not given{hint}")
    known = [p.name for p in plain if p.name not in OF_MEASURED]
    takes_any = len(plain) < len(parameters)
    for key in own:
        if key not in known and not takes_any:
            listed = f"known: {', '.join(known)}" if known else "it has none"
            raise SettingsError(f"gate.own: unknown setting '{key}' of '{path}'{nearest(key, known)}; {listed}")
