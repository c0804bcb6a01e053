"""The report in a browser: at a phone's width and a desktop's, light and dark, nothing leaves its place, every word
can be read, and nothing is fetched."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.browser import VIEWS, Browser, View
from lab.lab import REPOSITORY
from lab.reports import REPORTS, write_report

LOOK = (Path(__file__).parent / "look.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each report's page, written by the checker under test."""
    named = os.environ.get("VIVARIUM_CHECK")
    built = [REPOSITORY / "target" / kind / "vivarium-check" for kind in ("debug", "release")]
    found = [Path(named)] if named else sorted(filter(Path.exists, built), key=lambda path: path.stat().st_mtime)
    place = tmp_path_factory.mktemp("reports")
    return {name: write_report(found[-1], name, place) for name in REPORTS}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_fits_can_be_read_and_fetches_nothing(
    browser: Browser, pages: dict[str, Path], name: str, view: View
) -> None:
    page = pages[name]
    assert browser.open(page, view) == [page.as_uri()]
    seen = browser.evaluate(LOOK)
    assert seen["dark"] == view.dark
    assert seen["texts"] > 20
    assert {kind: found for kind, found in seen.items() if isinstance(found, list)} == {
        "outside": [],
        "cut": [],
        "overlapping": [],
        "faint": [],
    }


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_names_nothing_to_fetch_and_has_no_script(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text()
    assert re.findall(r"<script|<link|<img|<iframe|\bsrc=|\bhref=|url\(|@import|\bon\w+=", text) == []
    assert "default-src 'none'" in text


def test_the_look_sees_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    """Else it would find nothing wrong with anything."""
    page = tmp_path / "bad.html"
    page.write_text(
        '<!doctype html><meta name="viewport" content="width=device-width"><body style="background:#fff">'
        '<p style="color:#999">faint</p><div style="width:2000px">wide</div>'
        '<p style="width:40px;overflow:hidden;white-space:nowrap">cut off at its end</p>'
        '<svg width="100" height="40"><text x="0" y="20">one</text><text x="5" y="22">other</text></svg>'
    )
    browser.open(page, VIEWS[0])
    seen = browser.evaluate(LOOK)
    assert all(seen[kind] for kind in ("outside", "cut", "overlapping", "faint")), seen
