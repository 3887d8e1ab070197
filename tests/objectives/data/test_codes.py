"""Codes of findings: each is documented, said in words that fit, and found by something.

`python tests/objectives/data/test_codes.py` writes the table of docs/data.md anew.
"""

import re
from pathlib import Path

import objectives
from objectives.data.codes import CODES

ROOT = Path(objectives.__file__).parents[1]
PAGE = ROOT / "docs" / "data.md"
ROW = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \| (\w+) \| (.*) \| (.*) \|$", re.MULTILINE)


def table() -> str:
    rows = [f"| `{name}` | {code.severity} | {code.what} | {code.action} |" for name, code in CODES.items()]
    return "\n".join(
        ["| code | severity | what is counted | what is done, or to be done |", "|---|---|---|---|", *rows]
    )


def test_the_page_has_every_code_as_it_is() -> None:
    documented = {name: tuple(rest) for name, *rest in ROW.findall(PAGE.read_text())}
    assert documented == {name: (str(code.severity), code.what, code.action) for name, code in CODES.items()}


def test_codes_are_sorted_and_their_words_make_a_line() -> None:
    assert list(CODES) == sorted(CODES)
    for name, code in CODES.items():
        assert not code.what.endswith("."), name
        assert not code.action.endswith("."), name
        assert code.what[0].islower() or code.what.split()[0].isupper(), name
        assert "|" not in code.what + code.action, name


def test_every_code_is_found_by_something() -> None:
    source = "\n".join(p.read_text() for p in (ROOT / "objectives" / "data").rglob("*.py") if p.name != "codes.py")
    made = {f"labels.{name}" for name in ("outside", "no_size", "duplicate_box")}  # f"labels.{code}" in dataset.py
    assert [name for name in CODES if f'"{name}"' not in source and name not in made] == []


if __name__ == "__main__":
    text = PAGE.read_text()
    start = text.index("| code |")
    end = text.find("\n\n", start)
    PAGE.write_text(text[:start] + table() + (text[end:] if end >= 0 else "\n"))
