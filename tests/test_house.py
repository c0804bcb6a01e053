"""The house's rules, held against the files that git knows."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 500


def files(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / line for line in listed.stdout.splitlines()]


def is_production(path: Path) -> bool:
    return "tests" not in path.relative_to(ROOT).parts and not path.name.endswith("tests.rs")


def production_code(path: Path) -> str:
    return re.split(r"^#\[cfg\(test\)\]\n(?:#\[path.*\n)?mod ", path.read_text(), flags=re.MULTILINE)[0]


def production() -> dict[Path, str]:
    return {path: production_code(path) for path in files("*.rs") if is_production(path)}


def test_no_file_of_production_code_is_longer_than_500_lines() -> None:
    long = {str(path): code.count("\n") for path, code in production().items() if code.count("\n") > MOST_LINES}
    assert long == {}


def test_unsafe_code_stands_only_where_ioctls_are_spoken() -> None:
    unsafe = {path.name for path, code in production().items() if re.search(r"\bunsafe (?:\{|fn|impl|extern)", code)}
    assert unsafe <= {"block.rs"}


def test_every_file_begins_with_what_it_is_for() -> None:
    silent = [str(path) for path, code in production().items() if not code.startswith("//! ")]
    assert silent == []


def test_lints_are_expected_with_a_reason_and_never_allowed() -> None:
    allowed = [str(path) for path, code in production().items() if "#[allow(" in code or "#![allow(" in code]
    assert allowed == []


def test_bootstrap_and_checker_know_nothing_of_each_other() -> None:
    for crate, other in [("bootstrap", "vivarium_checker"), ("checker", "vivarium_bootstrap")]:
        strangers = [str(path) for path in files(f"{crate}/src/*.rs") if other in path.read_text()]
        assert strangers == []


def test_steps_never_import_steps() -> None:
    """A file that implements Step may not use a file that implements Step."""
    steps = {path: code for path, code in production().items() if re.search(r"impl Step for ", code)}
    rooms = {f"{path.parent.name}::{path.stem}" for path in steps if "bootstrap" in path.parts}
    for path, code in steps.items():
        own = f"{path.parent.name}::{path.stem}"
        used = {room for room in rooms - {own} if re.search(rf"use crate::{room}\b", code)}
        assert used == set(), path


def test_nothing_of_the_repository_names_a_registry_s_host() -> None:
    hosts = re.compile(r"crates\.io|pypi\.org|pythonhosted|deb\.debian\.org|npmjs")
    named = [str(path) for path in files() if path.name != "test_house.py" and path.is_file() and mentions(path, hosts)]
    assert named == []


def mentions(path: Path, pattern: re.Pattern[str]) -> bool:
    if path.name == "Cargo.lock":  # cargo writes the source of every package into it
        return False
    return pattern.search(path.read_text(errors="replace")) is not None
