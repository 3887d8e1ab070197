"""Images handed over to be labelled: a folder that a labelling tool takes, whole or not there."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from objectives.machine.files import whole_folder
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus
from search.operate.stream.choose import choose
from search.operate.stream.labelling.champion import Champion
from search.operate.stream.labelling.chosen import AskedImages, read_asked
from search.operate.stream.labelling.tools import BACK, HANDED_IMAGES, README, write_tool

README_FILE = "README.txt"


def hand_over(
    context: OperateContext, number: int, champion: Path | None, since: datetime | None = None
) -> dict[str, Any]:
    """Hand images over to be labelled; called again, it goes on with the images that were chosen first.

    Args:
        context: see OperateContext.
        number: of the round.
        champion: folder of the deployment that serves; None before the first.
        since: see `choose`.

    Returns:
        hand_over: folder relative to the pipeline's, empty where no image is left to label; images: how many;
        classes_unsure: class -> images of these on which the champion is unsure of one.

    Raises:
        DataError: the champion or the last data set cannot be read.
    """
    where = context.paths.round(number).asked
    asked = read_asked(where)
    if asked is None:
        asked = choose(context, Champion(champion), number, since)
        asked.write(where)
        for note in asked.notes:
            context.say(note)
    if not asked.images:
        return {"hand_over": "", "images": 0, "classes_unsure": {}}
    hashes = {image.sha256 for image in asked.images}
    left = [image.sha256 for image in context.journal.images(ImageStatus.NEW) if image.sha256 in hashes]
    folder = context.paths.hand_over(number)
    if left and not folder.exists():  # nobody was handed it yet, or not all were marked
        _write(context, asked, number)
    context.journal.mark_images(left, ImageStatus.ASKED, number, {})
    context.say(f"round {number}: to be labelled: '{folder}'; its README.txt says how to give the labels back")
    found = {"hand_over": context.paths.relative(folder), "images": len(asked.images)}
    return {**found, "classes_unsure": asked.classes_unsure}


def _write(context: OperateContext, asked: AskedImages, number: int) -> None:
    """Write the folder: images as copies, since tools write where they read; the tool's files; how to give back."""
    folder, tool = context.paths.hand_over(number), context.settings.labelling.tool
    with whole_folder(folder) as partial:
        (partial / HANDED_IMAGES).mkdir()
        for image in asked.images:
            shutil.copyfile(context.paths.folder / image.kept, partial / HANDED_IMAGES / image.name)
        write_tool(tool, asked, partial, context.paths.relative(folder))
        text = README.format(
            count=len(asked.images),
            number=number,
            pipeline=context.settings.name,
            tool=BACK[tool],
            labels=context.settings.stream.labels or "stream.labels is not set: set it",
            classes=", ".join(asked.classes) or "none yet",
        )
        (partial / README_FILE).write_text(text, encoding="utf-8")
