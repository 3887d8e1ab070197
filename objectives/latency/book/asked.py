"""What a kept figure is known by: the file's content, the device, the protocol, and what was timed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from objectives.deploy.artifact_files import digest_of
from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import deployed
from objectives.latency.hosts.open import calm_ms, fingerprint
from objectives.latency.protocol import LatencyProtocol

TIMED_AS = 1  # raised when files are timed in another way: figures of an older automl then answer no more


@dataclass(frozen=True)
class Asked:
    """A figure that is asked for.

    Attributes:
        file: SHA-256 of the deployable file; its precision and its chosen confidence are in it.
        device: fingerprint: machine or board, runtime and version, provider, options, threads.
        protocol: digest of what decides how good a figure is.
        quick: digest of the quick protocol that goes with it: a full figure answers where that one is asked for.
        timed: digest of the images, by content: how many boxes NMS sees hangs on it.
        alone: whether the file is timed in a process of its own. Beside others it comes out up to 6 % slower, and its
            memory is not known, so that such a figure answers only where others are timed too.
        throughput: whether images per second are asked for.
        calm_ms: calm times of the reference that figures of this device may stand on, as its host keeps them. Whoever
            removes the file of the calm time starts a new scale.
        one_scale: whether the device has one calm time at a time, as this machine has; boards of one model are one
            device, each with a calm time of its own.
    """

    file: str
    device: str
    protocol: str
    quick: str
    timed: str
    alone: bool = True
    throughput: bool = False
    calm_ms: tuple[float, ...] = ()
    one_scale: bool = True


def asked_of(
    artifacts: Sequence[Path], device: Device, images: Iterable[Path], protocol: LatencyProtocol
) -> list[Asked]:
    """Return what the figures of files that are timed together are known by.

    Raises:
        OSError: a file or an image cannot be read.
        AutomlError: a file cannot be converted for the device, or the device cannot be used.
    """
    rest = {
        "calm_ms": calm_ms(device),  # first: a board is asked once for both
        "device": fingerprint(device),
        "protocol": _digest(protocol),
        "quick": _digest(protocol.quick()),
        "timed": digest_of_images(images),
        "alone": len(artifacts) == 1,
        "throughput": protocol.throughput,
        "one_scale": device.host is None,
    }
    return [Asked(digest_of_file(deployed(path, device)), **rest) for path in artifacts]  # type: ignore[arg-type]  # the fields' own types


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a deployable file; of all its parts, where it is a folder or has files beside it.

    Raises:
        OSError: it cannot be read.
    """
    return _of_folder(path) if path.is_dir() else digest_of(path)


def digest_of_images(images: Iterable[Path]) -> str:
    """Return a digest of what images hold, in their order; names and folders do not count.

    Raises:
        OSError: one cannot be read.
    """
    return hashlib.sha256("".join(_sha256(path) for path in images).encode()).hexdigest()[:16]


def _of_folder(folder: Path) -> str:
    parts = sorted(part for part in folder.rglob("*") if part.is_file())
    named = "".join(f"{part.relative_to(folder)} {_sha256(part)}\n" for part in parts)
    return hashlib.sha256(named.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest(protocol: LatencyProtocol) -> str:
    """Return a digest of a protocol: the rule of the confidence aside, which is in the file once it was applied."""
    values = asdict(protocol) | {"confidence": protocol.fixed_confidence, "method": TIMED_AS}
    del values["throughput"]  # measured after the latency, and beside it
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
