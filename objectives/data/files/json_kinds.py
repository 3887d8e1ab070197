"""What a JSON file seems to be, from its first and last characters: COCO, LabelMe, Label Studio, or something else."""

import json
import re
from enum import Enum
from pathlib import Path
from typing import Any

from objectives.data.files.text import read_json
from spaces.errors import DataError

WHOLE_KB_MAX = 64  # larger files are judged by so much of each end


class JsonKind(Enum):
    """What a JSON file seems to be."""

    COCO = "coco"
    LABELME = "labelme"
    LABEL_STUDIO = "label_studio"
    BROKEN = "broken"
    OTHER = "other"


_COCO_KEYS = ("images", "annotations", "categories")


def json_kind(path: Path) -> JsonKind:
    """Return what a JSON file seems to be."""
    try:
        size = path.stat().st_size
        if size <= WHOLE_KB_MAX * 1024:
            return _kind(read_json(path))
        with path.open("rb") as stream:
            head = stream.read(WHOLE_KB_MAX * 1024)
            stream.seek(max(0, size - WHOLE_KB_MAX * 1024))
            return _kind_of_ends((head + stream.read()).replace(b"\0", b"").decode("utf-8", "replace"))
    except (DataError, OSError):
        return JsonKind.BROKEN


def _kind(content: Any) -> JsonKind:
    if isinstance(content, dict):
        if sum(key in content for key in _COCO_KEYS) > 1:
            return JsonKind.COCO
        return JsonKind.LABELME if "shapes" in content else JsonKind.OTHER
    tasks = [task for task in content if isinstance(task, dict)] if isinstance(content, list) else []
    return JsonKind.LABEL_STUDIO if any(map(_is_task, tasks[:100])) else JsonKind.OTHER


def _is_task(task: dict[str, Any]) -> bool:
    whole = "data" in task and any(key in task for key in ("annotations", "completions", "predictions"))
    return whole or ("annotator" in task and "annotation_id" in task)


def _kind_of_ends(text: str) -> JsonKind:
    start = text.lstrip("\ufeff \t\r\n")[:1]
    keys = set(re.findall(r'"(\w+)"\s*:', text))
    if start == "{":
        if sum(bool(re.search(rf'"{key}"\s*:\s*\[', text)) for key in _COCO_KEYS) > 1:
            return JsonKind.COCO
        return JsonKind.LABELME if "shapes" in keys else JsonKind.OTHER
    found = start == "[" and _is_task(dict.fromkeys(keys))
    return JsonKind.LABEL_STUDIO if found else JsonKind.OTHER


def text_of(value: Any) -> str:
    """Return a name as JSON has it: text as it is, anything else as it is written."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)[:100]
