"""The failures that a person can meet, as they stand in the code: `docs/messages.md` is made of them.

A string of the code is shown with `…` in the place of what is filled in when it happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import hints

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Every message, with what to do

A failure says what was being done to what, why it failed, and after `hint:` what to do. These are the hints as they
stand in the code, with what comes before them where that is a fixed text; `…` is filled in when it happens. What the
checker finds in a configuration has a fix in place of a hint, as [the table of faults](faults.md) shows.
`tests/messages.py` makes this page.

"""
ROOMS = {
    "bootstrap/src/volume": "The volume, its filesystem and its mount",
    "bootstrap/src/download": "The download",
    "bootstrap/src/anaconda": "Anaconda",
    "bootstrap/src/python": "psycopg2 and `$python3`",
    "bootstrap/src": "The run",
    "agent/src/doctor": "`doctor`",
    "agent/src/config": "The settings",
    "agent/src/secrets": "The password",
    "agent/src/deliver": "The report",
    "agent/src/userdata": "UserData",
    "agent/src": "The agent",
    "checker/src/database": "The proof of the database",
    "checker/src/local": "The checker: what is typed, and the user's own files",
    "checker/src/aws": "The checker: reading and changing AWS",
    "checker/src/check": "The checker: a run",
    "checker/src/explain": "The checker: what it finds",
    "checker/src": "The checker",
    "packaging/userdata": "UserData's launcher",
    "packaging/ssm": "The documents of Run Command",
}
SHELL = ("packaging/userdata/*.sh.in", "packaging/ssm/*.yaml")
DIE = re.compile(r'\bdie "([^"]*); hint: ([^"]*)"')
END = re.compile(r"""\bend \d+ (['"])(.*?)\1 (['"])(.*?)\3""")
FILLED = re.compile(r"\$\w+|\$\(.*?\)")


def page() -> str:
    rooms: dict[str, list[tuple[str, str]]] = {room: [] for room in ROOMS}
    files = {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.glob("*/src/**/*.rs"))}
    ours = [name for name in files if "tests" not in name]
    rust = {name: hints.code_of(files[name].read_text()) for name in ours}
    takers, givers = hints.takers(rust), hints.givers(rust)
    for name, code in rust.items():
        rooms[room_of(name)] += hints.hints(name, code, takers, givers)
    for pattern in SHELL:
        for path in sorted(ROOT.glob(pattern)):
            rooms[room_of(path.relative_to(ROOT).as_posix())] += ended(path.read_text())
    return HEAD + "\n".join(table(ROOMS[room], rows) for room, rows in rooms.items() if rows)


def room_of(name: str) -> str:
    return next(room for room in ROOMS if name.startswith(f"{room}/"))


def ended(script: str) -> Iterator[tuple[str, str]]:
    """How the shell of the launcher and of the documents ends: `die "what; hint: …"`, `end 9 'what' 'hint'`."""
    for what, hint in (*DIE.findall(script), *((what, hint) for _, what, _, hint in END.findall(script))):
        yield FILLED.sub("…", what), FILLED.sub("…", hint)


def table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = (
        f"| {before.replace('|', chr(92) + '|')} | {hint.replace('|', chr(92) + '|')} |\n" for before, hint in rows
    )
    return f"## {title}\n\n| message | hint |\n|---|---|\n{''.join(dict.fromkeys(cells))}"
