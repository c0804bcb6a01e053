"""The pages of `docs/`: all of them are in the book, their links lead somewhere, and what they say to type is there."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from awscli.clidriver import create_clidriver

import messages
from documents import held

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.glob("*.md") if path.name != "SUMMARY.md")
TEXTS = [ROOT / "README.md", *PAGES]
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# `send` is the function that the page on fleets defines.
PROGRAMS = ("vivarium-agent", "vivarium-check", "aws", "make")


def test_every_page_is_in_the_book() -> None:
    assert sorted(LINK.findall((DOCS / "SUMMARY.md").read_text())) == [path.name for path in PAGES]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if not re.match(r"https?:|#", link)]
    assert [link for link in links if not (page.parent / link.split("#")[0]).exists()] == []


def test_the_page_of_messages_is_what_the_code_says() -> None:
    held("messages.md", messages.page())


def lines(page: Path) -> Iterator[list[str]]:
    """The commands of a page's blocks, as words, without what a prompt says and a comment adds."""
    for block in BLOCK.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            bare = re.sub(r"^(?:\S*\$ )?(?:sudo )?", "", line)
            if bare.split(" ")[0] in PROGRAMS:
                yield shlex.split(re.split(r"[|>] ", bare)[0], comments=True)


COMMANDS = [(page.name, words) for page in TEXTS for words in lines(page)]


def typed(*programs: str) -> list[object]:
    return [
        pytest.param(words, id=f"{name}: {' '.join(words)[:60]}") for name, words in COMMANDS if words[0] in programs
    ]


@pytest.mark.parametrize("words", typed("vivarium-agent", "vivarium-check"))
def test_every_line_for_one_of_the_programs_is_one_that_it_takes(words: list[str], agent: Path, checker: Path) -> None:
    program = agent if words[0] == "vivarium-agent" else checker
    done = subprocess.run([program, *words[1:], "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", typed("aws"))
def test_every_line_for_the_aws_cli_is_one_that_it_takes(words: list[str]) -> None:
    command = create_clidriver().create_help_command()
    for word in words[1:3]:
        command = command.command_table[word].create_help_command()
    known = {*command.arg_table, "region", "profile", "query", "output"}
    options = {word[2:] for word in words[3:] if re.fullmatch(r"--[a-z][a-z0-9-]*", word)}
    assert options <= known


@pytest.mark.parametrize("words", typed("make"))
def test_every_target_of_make_that_is_named_exists(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{re.escape(words[1])}:", makefile, re.MULTILINE)
