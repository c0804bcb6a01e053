#!/usr/bin/env python3
"""Takes a picture of every kind of report, at a phone's width and a desktop's, light and dark.

    .lab/venv/bin/python tests/screenshots.py --checker target/debug/vivarium-check FOLDER

docs/report.png is the picture of two faults at once, on a desktop, light; --docs takes it anew.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab.browser import DESKTOP, VIEWS, Browser, View
from lab.reports import REPORTS, write_report

ROOT = Path(__file__).resolve().parent.parent
SHOWN, SHOWN_AS = "two-faults", View(DESKTOP, dark=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pages and their pictures go")
    parser.add_argument("--checker", type=Path, required=True, help="the program that writes the reports")
    parser.add_argument("--docs", action="store_true", help="take docs/report.png anew")
    arguments = parser.parse_args()
    with Browser() as browser:
        for name in REPORTS:
            page = write_report(arguments.checker.resolve(), name, arguments.folder)
            for view in VIEWS:
                browser.open(page, view)
                (arguments.folder / f"{name}-{view.name}.png").write_bytes(browser.picture())
    if arguments.docs:
        shutil.copy(arguments.folder / f"{SHOWN}-{SHOWN_AS.name}.png", ROOT / "docs/report.png")


if __name__ == "__main__":
    main()
