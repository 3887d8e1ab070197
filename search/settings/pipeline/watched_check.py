"""Settings of what a pipeline watches and shows, checked when they are read: one line for each mistake."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError

from spaces.errors import SettingsError, nearest

METRICS = ("precision", "recall", "f1", "map50", "map", "false_negative_rate")
TRIGGERS_SECTION = "triggers"


def check_over_zero(name: str, value: float | None) -> None:
    """Check a figure that may be left out.

    Raises:
        SettingsError: it is 0 or less.
    """
    if value is not None and not value > 0:
        raise SettingsError(f"{name}: must be over 0, got {value}")


def check_images_min(name: str, images: int) -> None:
    """Check the least number of images that something is said of.

    Raises:
        SettingsError: it is under 2.
    """
    if images < 2:
        raise SettingsError(f"{name}.images_min: must be 2 or more, got {images}")


def check_performance(metric: str, bound: float | None, level: float) -> None:
    """Check the bound on what the deployed detector finds.

    Raises:
        SettingsError: a value is out of its range, or the metric is unknown.
    """
    name = f"{TRIGGERS_SECTION}.performance"
    _check_known(f"{name}.metric", metric, METRICS)
    if bound is not None and not 0 < bound < 1:
        raise SettingsError(f"{name}.bound: must lie between 0 and 1, got {bound}")
    if not 0.5 <= level < 1:
        raise SettingsError(f"{name}.level: must lie in 0.5..1, 1 left out, got {level}")


def check_webhook(address: str) -> None:
    """Check where alerts are posted to; the address may hold a secret, so that it is not repeated.

    Raises:
        SettingsError: no address of the web.
    """
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, or half an IPv6 address
        is_one = False
    if not is_one or not address.isascii() or not address.isprintable() or " " in address:
        raise SettingsError(
            "monitoring.webhook: must be an address that begins with http:// or https://, in ASCII, as the service "
            "gives it"
        )
    if "@" in parts.netloc:  # urllib takes it for a part of the host, and names it in its errors
        raise SettingsError(
            "monitoring.webhook: must hold no user and password before its host, which are not sent; use an address "
            "with a token in its path, or a line of your own in hooks.alert"
        )


def listen_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`.

    Raises:
        SettingsError: it is none.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(f"monitoring.listen: must be HOST:PORT, as 127.0.0.1:9464, got '{text}'")
    return host, int(port)


def check_cron(cron: str) -> None:
    """Check a time table.

    Raises:
        SettingsError: it cannot be read, or names a moment that never comes.
    """
    wanted = "five fields are wanted (minute hour day month weekday), as '0 6 * * 1'"
    if len(cron.split()) != 5:
        raise SettingsError(f"{TRIGGERS_SECTION}.cron: {wanted}, got '{cron}'")
    try:
        moment = next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise SettingsError(f"{TRIGGERS_SECTION}.cron: {str(error).lower()} in '{cron}'; {wanted}") from None
    if moment is None:
        raise SettingsError(f"{TRIGGERS_SECTION}.cron: '{cron}' never comes; {wanted}")


def _check_known(name: str, value: str, known: Iterable[str]) -> None:
    names = list(known)
    if value not in names:
        raise SettingsError(f"{name}: unknown '{value}'{nearest(value, names)}; known: {', '.join(names)}")
