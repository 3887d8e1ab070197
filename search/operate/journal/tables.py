"""The tables of a journal, and how facts and images become rows of them."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import ImageStatus, StreamImage

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

FACTS_TABLE, IMAGES_TABLE = "automl_pipeline_facts", "automl_pipeline_images"
OPERATORS_TABLE = "automl_pipeline_operators"
NAME_LENGTH = 255  # characters of a pipeline's name, as file systems have it


class JournalTables:
    """The tables of all pipelines of a database: facts, images, and who operates."""

    def __init__(self) -> None:
        from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text

        self.all = MetaData()
        self.facts = Table(
            FACTS_TABLE,
            self.all,
            Column("pipeline", String(NAME_LENGTH), primary_key=True),
            Column("number", BigInteger, primary_key=True, autoincrement=False),
            Column("kind", String(32), nullable=False),
            Column("round", Integer),
            Column("at", String(32), nullable=False),
            Column("words", Text, nullable=False),
        )
        texts = ("path", "kept", "group", "why")
        self.images = Table(
            IMAGES_TABLE,
            self.all,
            Column("pipeline", String(NAME_LENGTH), primary_key=True),
            Column("sha256", String(64), primary_key=True),
            *(Column(name, Text, nullable=False) for name in texts),
            Column("at", String(32), nullable=False),
            Column("width_px", Integer, nullable=False),
            Column("height_px", Integer, nullable=False),
            Column("hash64", String(16), nullable=False),
            Column("figures", Text),
            Column("status", String(16), nullable=False),
            Column("round", Integer),
            Column("split", String(16), nullable=False),
        )
        self.operators = Table(
            OPERATORS_TABLE,
            self.all,
            Column("pipeline", String(NAME_LENGTH), primary_key=True),
            Column("who", Text, nullable=False),
        )


def moment_text(at: datetime) -> str:
    """Return a moment as a text whose order is that of time: ISO 8601 in UTC with microseconds.

    Raises:
        ValueError: it has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"a moment of a journal needs a time zone, got {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def fact_of(row: "Row[Any]") -> Fact:
    """Return the fact of a row."""
    at = datetime.fromisoformat(row.at)
    return Fact(int(row.number), FactKind(row.kind), row.round, at, json.loads(row.words))


def image_of(row: "Row[Any]") -> StreamImage:
    """Return the image of a row."""
    values = {field.name: getattr(row, field.name) for field in fields(StreamImage)}
    values["at"], values["status"] = datetime.fromisoformat(row.at), ImageStatus(row.status)
    values["figures"] = None if row.figures is None else json.loads(row.figures)
    return StreamImage(**values)


def image_row(pipeline: str, image: StreamImage) -> dict[str, Any]:
    """Return the row of an image."""
    values = {field.name: getattr(image, field.name) for field in fields(StreamImage)}
    values["at"], values["status"] = moment_text(image.at), image.status.value
    values["figures"] = None if image.figures is None else json.dumps(image.figures)
    return {"pipeline": pipeline, **values}
