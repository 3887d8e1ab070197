"""Opens the claims of a study: leases where a database server has the study, else locks of the kernel in its folder."""

from pathlib import Path

from search.study.claims.contract import Claims
from search.study.claims.kernel_locks import KernelClaims
from search.study.database.away import AWAY_MOST_S
from search.study.database.connect import is_server

LEASE_S = 60.0  # as `conf/` has it


def open_claims(
    folder: Path, url: str | None, *, what: str = "", lease_s: float = LEASE_S, wait_s: float = AWAY_MOST_S
) -> Claims:
    """Open the claims of a study for this process.

    Args:
        folder: of the study.
        url: of the storage; None for the file in the folder.
        what: a database server's store, as people know it.
        lease_s: seconds after which, there, what a process has not renewed may be taken.
        wait_s: seconds that an operation waits while the server is away.

    Raises:
        OSError: the folder cannot be written.
        SQLAlchemyError: the database server cannot be used.
    """
    if url is None or not is_server(url):
        return KernelClaims(folder)
    from search.study.claims.leases import LeaseClaims  # late: not every search has a database server

    return LeaseClaims(folder, url, what=what, lease_s=lease_s, wait_s=wait_s)
