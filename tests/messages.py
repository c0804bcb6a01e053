"""The failures that a person can meet, as they stand in the code: `docs/messages.md` is made of them.

A string of the code is shown with `…` in the place of what is filled in when it happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Every message, with what to do

A failure says what was being done to what, why it failed, and after `hint:` what to do. These are the hints as they
stand in the code, with what comes before them where that is a fixed text; `…` is filled in when it happens. What the
checker finds is in [the table of symptoms](symptoms.md). `tests/messages.py` makes this page.

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
    "checker/src": "The checker",
}
STRING = re.compile(r'r#"(?P<raw>.*?)"#|"(?P<plain>(?:[^"\\]|\\.)*)"', re.DOTALL)
HINT = re.compile(r"\.hint\(|\bhint(?:: [A-Za-z&' ]+)? = |\bhint: ")
# Functions that answer for each kind of failure: with its hint; with what it is; with both.
ANSWERS = re.compile(r"\bfn (?P<name>\w*hint|fmt|words)\(.*?\) -> (?P<pair>\(&)?[^;{]*\{\n", re.DOTALL)
KIND = re.compile(r"\b[A-Z]\w*::([A-Z]\w+)")
# A quotation mark as a character, and comments.
NOISE = re.compile(r"""'\\?"'|^ *//.*$""", re.MULTILINE)
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[path.*\n)?(?:pub\S* )?mod ", re.MULTILINE)


def page() -> str:
    rooms: dict[str, list[tuple[str, str]]] = {room: [] for room in ROOMS}
    for path in sorted(ROOT.glob("*/src/**/*.rs")):
        name = path.relative_to(ROOT).as_posix()
        room = next((room for room in ROOMS if name.startswith(f"{room}/")), None)
        if room and "tests" not in name and "checker/src/explain" not in name:
            code = NOISE.sub("", TESTS.split(path.read_text())[0])
            rooms[room] += [*found(code), *answered(code)]
    return HEAD + "\n".join(table(ROOMS[room], rows) for room, rows in rooms.items() if rows)


def table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = (
        f"| {before.replace('|', chr(92) + '|')} | {hint.replace('|', chr(92) + '|')} |\n" for before, hint in rows
    )
    return f"## {title}\n\n| message | hint |\n|---|---|\n{''.join(dict.fromkeys(cells))}"


def found(code: str) -> Iterator[tuple[str, str]]:
    """Each hint of a file, with the texts of the call or statement that it stands in."""
    strings = [match.span() for match in STRING.finditer(code)]
    for match in HINT.finditer(code):
        if any(first < match.start() < last for first, last in strings):
            continue
        hint = texts(code[match.end() : end(code, match.end())])
        if hint:
            before = texts(code[start(code, match.start()) : match.start()])
            yield "; ".join(before) or "…", " / ".join(hint)


def answered(code: str) -> Iterator[tuple[str, str]]:
    """Each hint that a function gives, with what the failure is called where that is said for each kind apart."""
    functions = [(match, code[match.end() : end(code, match.end(), "")]) for match in ANSWERS.finditer(code)]
    names: dict[str, list[str]] = {}
    for match, body in functions:
        for pattern, answer in arms(body):
            if match["pair"] and len(pair := texts(answer)) == 2:
                yield pair[0], pair[1]
            elif not match["name"].endswith("hint"):
                for kind in KIND.findall(pattern):
                    names.setdefault(kind, []).extend(text for text in texts(answer) if len(text.split()) > 2)
    for match, body in functions:
        if match["name"].endswith("hint"):
            told = list(arms(body))
            if not any(KIND.search(pattern) for pattern, _ in told):
                told = [("", sentence) for sentence in sentences(body)]
            for pattern, answer in told:
                named = [name for kind in KIND.findall(pattern) for name in names.get(kind, [worded(kind)])]
                hint = [text for text in texts(answer) if text[0] not in ";."]  # that is a part of one
                if hint:
                    yield " / ".join(named) or "…", " / ".join(hint)


def arms(code: str) -> Iterator[tuple[str, str]]:
    """The pattern and the answer of each arm of a match, the innermost where one stands in another."""
    at = 0
    masked = STRING.sub(lambda match: '"' + "_" * (len(match[0]) - 2) + '"', code)
    while (arrow := masked.find("=>", at)) >= 0:
        begin = arrow + 2 + len(masked[arrow + 2 :]) - len(masked[arrow + 2 :].lstrip())
        block = masked[begin] == "{"
        last = end(masked, begin + 1, "") + 1 if block else end(masked, begin)
        inner = list(arms(code[begin:last]))
        yield from inner or [(code[at:arrow], code[begin:last])]
        at = last


def sentences(code: str) -> list[str]:
    return [match[0] for match in STRING.finditer(code) if len(match[0].split()) > 3]


def worded(kind: str) -> str:
    """`NotFound` is said as "not found"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower()


def texts(code: str) -> list[str]:
    found = (match["raw"] or match["plain"] or "" for match in STRING.finditer(code))
    return [text for text in map(shown, found) if " " in text]


def shown(literal: str) -> str:
    text = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\")
    text = re.sub(r"\{\{|\}\}", lambda brace: brace.group()[0] + "\0", text)
    return re.sub(r"\{[A-Za-z_0-9.:?#]*\}", "…", text).replace("\0", "").replace("<", "&lt;").strip()


def end(code: str, at: int, marks: str = ";,") -> int:
    """Where the expression that begins here ends, or without marks the block."""
    depth = 0
    while at < len(code):
        string = STRING.match(code, at)
        if string:
            at = string.end()
            continue
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth < 0 or (depth == 0 and code[at] in marks):
            return at
        at += 1
    return at


def start(code: str, at: int) -> int:
    """Where the statement begins that ends here."""
    return max(0, *(code.rfind(mark, 0, at) for mark in (";\n", "{\n", "}\n", "=> ")))
