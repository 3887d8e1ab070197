"""Trials that another process has taken over, since this one was frozen or cut off: left at once; the search goes on.

Nothing more of such a trial is stored, and its files are the other process's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from search.loop.choose import Chooser
from search.loop.crew import Crew
from search.study.claims.contract import SESSIONS, Claims, LeaseLost
from search.view.base import View


@contextmanager
def taken_over_left(crew: Crew, claims: Claims, view: View, chooser: Chooser) -> Iterator[None]:
    """Leave trials that were lost; a turn in which a write was refused ends here, and the next one begins anew.

    Args:
        crew: the trials of this process.
        claims: of this process.
        view: is shown each trial that is left.
        chooser: reads the study for the view.
    """
    _leave(crew, claims, view, chooser)
    try:
        yield
    except LeaseLost:
        _leave(crew, claims, view, chooser)
        for number in list(claims.trials):  # a copy: a thread that measures for others claims, too
            if number < SESSIONS and number not in crew.active:
                claims.free(number)  # it was claimed in that turn, and not begun


def _leave(crew: Crew, claims: Claims, view: View, chooser: Chooser) -> None:
    for number in claims.lost():
        active = crew.active.get(number)
        if active is not None:
            crew.leave(active, keeps=False)
        claims.free(number)
        if number < SESSIONS:
            view.note(f"trial {number} was taken over by another process while this one was away")
            view.trial_ended(number, chooser.table(), chooser.used())
