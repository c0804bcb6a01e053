"""The hints of a file of Rust, with what failed, in the ways in which the house gives them.

A string of the code is shown with `…` in the place of what is filled in when it happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

STRING = re.compile(r'r#"(?P<raw>.*?)"#|"(?P<plain>(?:[^"\\]|\\.)*)"', re.DOTALL)
HINT = re.compile(r"\.hint\(|\bhint(?:: [A-Za-z&' ]+)? = |\bhint: ")
# A function or closure, a call that is all of an expression, and the type to whose methods a function belongs.
FUNCTION = re.compile(r"^(?P<indent> *)(?:pub\S* )?(?:const )?fn (?P<name>\w+)[^(\n]*\(", re.MULTILINE)
CLOSURE = re.compile(r"let (?P<name>\w+) = \|(?P<parameters>[^|]*)\|")
CALL = re.compile(r"(?:self\.|\w+::)*(\w+)\(.*\)", re.DOTALL)
TYPE = re.compile(r"^impl(?:<.*?>)? (?:.* for )?(\w+)", re.MULTILINE)
KIND = re.compile(r"\b[A-Z]\w*::([A-Z]\w+)")
# Where what failed and its hint come together: of a function, or of what stands here.
TOGETHER = re.compile(r"\blet \([^()]*\bhint\) = ")
TUPLE = re.compile(r"(?<![\w!>])\(")
# What a finding says beside its verdict.
ASIDE = re.compile(r"\.(?:refuted_by|read)\(")
CONSTANT = re.compile(r'^ *(?:pub\S* )?const ([A-Z_]+): &str =\s*("(?:[^"\\]|\\.)* (?:[^"\\]|\\.)*");\n', re.MULTILINE)
# A quotation mark as a character, and comments.
NOISE = re.compile(r"""'\\?"'|^ *//.*$""", re.MULTILINE)
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[path.*\n)?(?:pub\S* )?mod ", re.MULTILINE)


@dataclass(frozen=True)
class Taker:
    """A function that is given a hint: how a call of it begins, and which argument it is."""

    call: re.Pattern[str]
    place: int
    own: str  # the only file where it is called so, or nothing


def code_of(text: str) -> str:
    """A file without its tests and comments, with its sentences where their names stand."""
    code = NOISE.sub("", TESTS.split(text)[0])
    sentences = dict(CONSTANT.findall(code))
    names = "|".join(sentences) or "$^"

    def with_sentences(match: re.Match[str]) -> str:
        whole = sentences.get(match[0], match[0])
        return re.sub(rf"\{{({names})\}}", lambda inner: sentences[inner[1]][1:-1], whole)

    return re.sub(rf"{STRING.pattern}|(?<!const )\b(?:{names})\b", with_sentences, code, flags=re.DOTALL)


def takers(files: dict[str, str]) -> list[Taker]:
    """The functions and closures of all files that have a parameter named `hint`."""
    return [taker for file, code in files.items() for taker in (*functions(file, code), *closures(file, code))]


def functions(file: str, code: str) -> Iterator[Taker]:
    for match in FUNCTION.finditer(code):
        parameters = re.findall(r"(&?(?:mut )?self\b|\w+: )", within(code, match.end()))
        if "hint: " not in parameters or match["name"] == "hint":
            continue
        method = parameters[0].endswith("self")
        place = parameters.index("hint: ") - method
        name = match["name"]
        if method:
            yield Taker(re.compile(rf"\.{name}\("), place, "")
        elif match["indent"]:
            its = TYPE.findall(code[: match.start()])[-1]
            yield Taker(re.compile(rf"\b{its}::{name}\("), place, "")
            yield Taker(re.compile(rf"\bSelf::{name}\("), place, file)
        else:
            yield Taker(re.compile(rf"(?<!fn )(?<![.:\w]){name}\("), place, file)


def closures(file: str, code: str) -> Iterator[Taker]:
    for match in CLOSURE.finditer(code):
        parameters = re.findall(r"\w+: ", match["parameters"])
        if "hint: " in parameters:
            yield Taker(re.compile(rf"(?<![.:\w]){match['name']}\("), parameters.index("hint: "), file)


def givers(files: dict[str, str]) -> set[str]:
    """The functions of all files whose answer is taken apart into what failed and a hint."""
    return {
        name
        for code in files.values()
        for match in TOGETHER.finditer(code)
        for name in re.findall(r"\b([a-z_]+)\(", code[match.end() : end(code, match.end(), ";")])
    }


def hints(file: str, code: str, known: list[Taker], givers: set[str]) -> Iterator[tuple[str, str]]:
    """Each hint of a file, with what failed."""
    asked = list(places(file, code, known))
    yield from found(code, asked)
    yield from together(code, givers)
    yield from answered(code, tellers(code, asked))
    yield from said(code)


def places(file: str, code: str, known: list[Taker]) -> Iterator[tuple[int, list[str], str]]:
    """Where a hint is asked for: where the call or statement stands, its other arguments, and the hint."""
    strings = [match.span() for match in STRING.finditer(code)]
    calls = [(taker, match) for taker in known if taker.own in ("", file) for match in taker.call.finditer(code)]
    for taker, match in (*((None, match) for match in HINT.finditer(code)), *calls):
        if any(first < match.start() < last for first, last in strings):
            continue
        if taker is None:
            yield match.start(), [], code[match.end() : end(code, match.end())]
            continue
        arguments = list(split(within(code, match.end())))
        if len(arguments) > taker.place:
            hint = arguments.pop(taker.place)
            yield match.start(), arguments, hint


def found(code: str, asked: list[tuple[int, list[str], str]]) -> Iterator[tuple[str, str]]:
    """Each hint of a file, with the texts of the call or statement that it stands in."""
    for at, others, expression in asked:
        hint = texts(expression)
        if hint:
            yield "; ".join([*failed(code, at), *texts(", ".join(others))]) or "…", " / ".join(hint)


def failed(code: str, at: int) -> list[str]:
    """The texts of a statement up to here, or those of the variable that it begins with."""
    statement = without_asides(code[start(code, at) : at])
    variable = re.match(r"\W*(\w+)\s*\.", statement)
    if variable and not texts(statement):
        statement = without_asides(made(code[:at], variable[1]))
    return texts(statement)


def without_asides(code: str) -> str:
    while aside := ASIDE.search(code):
        code = code[: aside.start()] + code[end(code, aside.end(), "") + 1 :]
    return code


def together(code: str, givers: set[str]) -> Iterator[tuple[str, str]]:
    """Each hint that is the last of a tuple, with the texts of the others."""
    where = [(match.end(), end(code, match.end(), ";")) for match in TOGETHER.finditer(code)]
    for match in FUNCTION.finditer(code):
        answer, place = body(code, match)
        if match["name"] in givers and answer.startswith("-> ("):
            where.append(place)
    for begin, last in where:
        for match in TUPLE.finditer(code, begin, last):
            *others, hint = [*split(within(code, match.end()))] or [""]
            if others and (told := value(code, match.start(), hint)):
                yield "; ".join(text for other in others for text in texts(other)) or "…", " / ".join(told)


def value(code: str, at: int, expression: str) -> list[str]:
    """The texts of an expression, or of the variable that it is."""
    variable = re.fullmatch(r"\s*(\w+)(?:\.\w+\(\))*\s*", expression)
    return texts(made(code[:at], variable[1]) if variable else expression)


def made(code: str, variable: str) -> str:
    """What a variable was made of last, if that is to be seen here."""
    *_, last = ["", *re.split(rf"\blet (?:mut )?{variable} = ", code)[1:]]
    return last[: end(last, 0)]


def said(code: str) -> Iterator[tuple[str, str]]:
    """Each hint that stands in the very text that is printed, or that shell is to print."""
    for match in STRING.finditer(code):
        text = re.sub(r'^.*\bdie "([^"]*)".*', r"\1", shown(match["raw"] or match["plain"] or ""))
        before, mark, hint = text.partition("hint: ")
        if mark and re.search(r"[a-z]{2} ", hint):
            yield re.sub(r"^(?:failed|busy|refused): ", "", before.strip(" ;")) or "…", hint


def tellers(code: str, asked: list[tuple[int, list[str], str]]) -> set[str]:
    """The functions of a file that are called where a hint is asked for, and those that they hand on to."""
    called = {match[1] for _, _, expression in asked if (match := CALL.fullmatch(expression.strip()))}
    telling = called | {match["name"] for match in FUNCTION.finditer(code) if match["name"].endswith("hint")}
    bodies = [body(code, match)[1] for match in FUNCTION.finditer(code) if match["name"] in telling]
    handed = {name for first, last in bodies for name in re.findall(r"=> (\w+)\(", code[first:last])}
    return telling | handed


def body(code: str, function: re.Match[str]) -> tuple[str, tuple[int, int]]:
    """What a function answers with, and where its body begins and ends."""
    answer = end(code, function.end(), "") + 1
    begin = code.find("{", answer) + 1
    return code[answer : begin - 1].strip(), (begin, end(code, begin, ""))


def answered(code: str, telling: set[str]) -> Iterator[tuple[str, str]]:
    """Each hint that a function gives, with what the failure is called where that is said for each kind apart."""
    functions = [(match["name"], *body(code, match)) for match in FUNCTION.finditer(code)]
    names: dict[str, list[str]] = {}
    for name, answers, (first, last) in functions:
        if name not in telling | {"fmt", "words"}:
            continue
        for pattern, answer in arms(code[first:last]):
            if answers.startswith("-> (&") and len(pair := texts(answer)) == 2:
                yield pair[0], pair[1]
            elif name not in telling:
                for kind in KIND.findall(pattern):
                    names.setdefault(kind, []).extend(text for text in texts(answer) if len(text.split()) > 2)
    for name, _, (first, last) in functions:
        if name in telling:
            told = list(arms(code[first:last]))
            if not any(KIND.search(pattern) for pattern, _ in told):
                told = [("", sentence) for sentence in sentences(code[first:last])]
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


def split(code: str) -> Iterator[str]:
    """The arguments of a call."""
    at = 0
    while code[at:].strip():
        last = end(code, at, ",")
        yield code[at:last]
        at = last + 1


def texts(code: str) -> list[str]:
    found = (match["raw"] or match["plain"] or "" for match in STRING.finditer(code))
    return [text for text in map(shown, found) if " " in text]


def shown(literal: str) -> str:
    text = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\")
    text = re.sub(r"\{\{|\}\}", lambda brace: brace.group()[0] + "\0", text)
    return re.sub(r"\{[A-Za-z_0-9.:?#]*\}", "…", text).replace("\0", "").replace("<", "&lt;").strip()


def within(code: str, at: int) -> str:
    """What stands between here and the bracket that closes."""
    return code[at : end(code, at, "")]


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
