"""A page that is served while its study is searched: what it knows of its server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Live:
    """What a served page is filled with beside its study.

    Attributes:
        base: address of the study on the server, without a host: "/studies/NAME"; the page asks below it alone.
        revision: of the data that stand in the page; the page asks for what has changed since.
        scripts: addresses of scripts that are loaded before the page's own: plotly's full bundle, which has WebGL.
        nonce: what the server's Content-Security-Policy admits the page's scripts by; new for each answer.
        token_needed: whether what writes needs the token of the address that the command printed.
        pictures: trial number -> address of its contact sheet.
        where: options that lead a command in a terminal to the study, --folder and --store, where these are needed.
        several: whether the server shows other studies, too.
    """

    base: str
    revision: int
    scripts: Sequence[str]
    nonce: str
    token_needed: bool = True
    pictures: Mapping[int, str] = field(default_factory=dict)
    where: Sequence[str] = ()
    several: bool = False

    @property
    def payload(self) -> dict[str, Any]:
        """What the page's script has as REPORT.live; the nonce is not in it."""
        said = {"base": self.base, "revision": self.revision, "token_needed": self.token_needed}
        return {**said, "where": list(self.where)} if self.where else said
