#!/usr/bin/env python3
"""Writes psycopg2_wheels.tsv: the wheels of psycopg2-binary that the agent may install, each with its hash.

Asks pip's index, through pip alone (23 or newer), what it would install for each Python, processor and
version; nothing is installed. Run it again when psycopg2 has a new release, and read the difference.
"""

import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

VERSIONS = ["2.8.6", "2.9.5", "2.9.9", "2.9.10", "2.9.11", "2.9.12", "2.9.13"]
PYTHONS = [(3, minor) for minor in range(5, 15)]
PROCESSORS = ["x86_64", "aarch64"]
PLATFORMS = ["manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014", "manylinux1"]
HEAD = """\
# The wheels of psycopg2-binary that may be installed, newest first. Made by psycopg2_wheels.py.
# version, Python, processor, least glibc, file, SHA-256.
"""


def ask(version, python, processor):
    """What pip would fetch, or None."""
    tag = f"cp{python[0]}{python[1]}" + ("m" if python < (3, 8) else "")
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps", "--report", "-"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--target", target]
        command += ["--implementation", "cp", "--abi", tag, "--python-version", f"{python[0]}.{python[1]}"]
        for platform in PLATFORMS:
            command += ["--platform", f"{platform}_{processor}"]
        answer = subprocess.run([*command, f"psycopg2-binary=={version}"], capture_output=True, text=True)
    if answer.returncode:
        if "No matching distribution" not in answer.stderr:
            sys.exit(answer.stderr)
        return None
    found = json.loads(answer.stdout)["install"][0]["download_info"]
    return found["url"].rsplit("/", 1)[1], found["archive_info"]["hashes"]["sha256"]


def glibc(name):
    """The least glibc that one of the wheel's tags asks for, as pip reads them."""
    least = [tuple(map(int, pair)) for pair in re.findall(r"manylinux_(\d+)_(\d+)_", name)]
    least += [(2, 17)] * ("manylinux2014" in name) + [(2, 5)] * ("manylinux1_" in name)
    return min(least)


def row(case):
    version, python, processor = case
    found = ask(*case)
    if not found:
        return None
    name, sha256 = found
    least = "%d.%d" % glibc(name)
    return "\t".join([version, "%d.%d" % python, processor, least, name, sha256])


def main():
    cases = [(v, p, a) for v in reversed(VERSIONS) for p in PYTHONS for a in PROCESSORS]
    with ThreadPoolExecutor(4) as pool:
        rows = [found for found in pool.map(row, cases) if found]
    Path(__file__).with_name("psycopg2_wheels.tsv").write_text(HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
