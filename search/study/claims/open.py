"""Opens the claims of a study: locks of the kernel in its folder."""

from pathlib import Path

from search.study.claims.contract import Claims
from search.study.claims.kernel_locks import KernelClaims


def open_claims(folder: Path, url: str | None) -> Claims:
    """Open the claims of a study for this process.

    Args:
        folder: of the study.
        url: of the storage; None for the file in the folder.

    Raises:
        OSError: the folder cannot be written.
    """
    return KernelClaims(folder)
