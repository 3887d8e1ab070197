"""The first page: all studies of a folder, each in a row, to open one or to lay several over one another."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from markupsafe import Markup

from reports.page.palette import DARK, LIGHT, css_variables
from reports.page.template import asset, environment
from reports.studies.card import StudyCard, card_of, unread_card
from reports.studies.little_picture import LITTLE_HEIGHT, LITTLE_WIDTH
from reports.studies.overlay import MOST
from reports.table.words import duration, share

__all__ = ["StudyCard", "card_of", "render_index", "unread_card"]

STATES = ("running", "paused", "cut", "not begun", "ended")  # what asks for attention first

LONG_AGO_S = 48 * 3600.0


def render_index(cards: Sequence[StudyCard], now: datetime, nonce: str = "", where: Sequence[str] = ()) -> str:
    """Return the page as HTML text.

    Args:
        cards: the studies, in any order; those that changed last come first.
        now: the moment, with a time zone.
        nonce: what the server's Content-Security-Policy admits the page's style and script by.
        where: words that have a search keep its study here, where that is not the usual place: store.folder=/data/runs.
    """
    ordered = sorted(cards, key=lambda card: (-_stamp(card), card.name))
    counts = {state: sum(card.state == state for card in cards) for state in STATES}
    return (
        environment()
        .get_template("studies_index.html.jinja")
        .render(
            cards=ordered,
            states=[(state, count) for state, count in counts.items() if count],
            unread=sum(bool(card.error) for card in cards),
            most=MOST,
            now=now,
            ago={card.name: _ago(card, now) for card in cards},
            stamp={card.name: _stamp(card) for card in cards},
            ranks={state: rank for rank, state in enumerate(STATES)},
            share=share,
            box=(f"{LITTLE_WIDTH:g}", f"{LITTLE_HEIGHT:g}"),
            events="/events?" + urlencode([("study", card.name) for card in ordered if not card.error]),
            nonce=nonce,
            where=f" {shlex.join(where)}" if where else "",
            style=asset("page.css"),
            more_style=asset("studies.css"),
            script=asset("studies_index.js"),
            light=Markup(css_variables(LIGHT)),
            dark=Markup(css_variables(DARK)),
            theme=asset("studies_theme.js"),
        )
    )


def _stamp(card: StudyCard) -> int:
    """Return when a study changed last, in seconds since 1970; 0 where that is not known."""
    return round(card.updated.timestamp()) if card.updated else 0


def _ago(card: StudyCard, now: datetime) -> str:
    """Return '`12 min ago`', or the day of what is older than two."""
    if card.updated is None:
        return ""
    seconds = (now - card.updated).total_seconds()
    if seconds > LONG_AGO_S:
        return card.updated.strftime("%Y-%m-%d")
    return "just now" if seconds < 10 else f"{duration(seconds)} ago"
