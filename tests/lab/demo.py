#!/usr/bin/env python3
"""Shows both programs on this machine, with no AWS account: from a blank volume to SELECT NOW(), and what to do when
something does not connect.

    python3 tests/lab/demo.py --agent target/debug/vivarium-agent --check target/debug/vivarium-check
        [--installer Anaconda3-….sh]

Everything it makes is gone when it ends, also on Ctrl-C, and it looks whether that is so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

# The package lies in the parent; the script's own directory has a module of the package's name.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from lab import database, demo_check, network, scratch  # noqa: E402
from lab.demo_check import title  # noqa: E402
from lab.lab import AGENT, CA, KEPT, SETTINGS, Lab  # noqa: E402
from lab.network import ServiceFailed  # noqa: E402
from lab.volume import VOLUME_ID  # noqa: E402
from lab.vpc import describe  # noqa: E402
from lab.vpc.vpc import Vpc  # noqa: E402

SCRIPT = "/root/script.py"
SELECT_NOW = f"""import psycopg2
connection = psycopg2.connect(host="{database.HOST}", user="{database.USER}", dbname="{database.NAME}",
                              sslmode="verify-full", sslrootcert="{CA}")
cursor = connection.cursor()
cursor.execute("SELECT NOW()")
print(cursor.fetchone()[0])
"""
STAND_IN = """Anaconda's archive is not asked: it is not reachable from everywhere, and it is not the demo's to load.
The installer served here is a stand-in that the lab made out of Debian's CPython and pip, in the shape
of Anaconda's: the same header, flags, checks, exit codes and habits. For the real one:
    make demo INSTALLER=/path/to/Anaconda3-….sh
"""


class Failed(Exception):
    """The demo did not show what it is there to show."""


def main() -> int:
    given = arguments()
    if os.geteuid() != 0:
        print("The demo needs root: it makes namespaces, mounts and a loop device.", file=sys.stderr)
        return 77
    lab, vpc = Lab(given.agent, installer=given.installer), Vpc(describe.EXAMPLE)
    try:
        problem = run(lab, vpc, given)
    finally:
        clean = say_what_is_left([*lab.leftovers(), *vpc.leftovers()])
    if problem:
        print(f"\nThe demo failed: {problem}", file=sys.stderr)
    return 0 if clean and not problem else 1


def run(lab: Lab, vpc: Vpc, given: argparse.Namespace) -> str | None:
    """Everything, in order. The reason if it does not end well."""
    try:
        introduce(given.installer)
        with lab:
            show(lab)
        demo_check.introduce()
        with vpc:
            demo_check.show(vpc, given.check)
    except KeyboardInterrupt:
        return "interrupted"
    except (Failed, demo_check.NotMended, ServiceFailed) as failure:
        return str(failure)
    return None


def introduce(installer: Path | None) -> None:
    title("What is made on this machine, for as long as this runs")
    print(
        f"three network namespaces   an instance {network.INSTANCE}, a database {network.DATABASE}, a router\n"
        f"one loop device            the blank volume {VOLUME_ID}, a sparse file below {scratch.HOME}\n"
        f"one overlay                the instance's files; yours stay as they are\n"
        f"five services              metadata at {network.METADATA}, names, the AWS API (moto), an HTTPS archive,\n"
        f"                           PostgreSQL 15 as {database.HOST}, TLS only"
    )
    print(f"\nInstaller: {installer}" if installer else f"\n{STAND_IN}", end="\n" if installer else "")


def show(lab: Lab) -> None:
    title(f"The settings, {SETTINGS}")
    print(lab.settings())
    title("vivarium-agent run, on a blank volume")
    agent(lab, "run")
    title("vivarium-agent run, again: nothing is to be done")
    seconds = agent(lab, "run")
    print(f"\nThe second run took {seconds:.2f} s.")
    title("vivarium-agent status")
    agent(lab, "status")
    title("What Systems Manager received")
    print_received(lab.ssm())
    title("SELECT NOW(), asked by")
    print(f"vivarium-agent   {told_by_the_agent(lab)}")
    print(f"$python3         {told_by_python(lab)}")


def agent(lab: Lab, *arguments: str) -> float:
    """Runs the agent before the eyes of the user; how long it took."""
    sys.stdout.flush()
    begun = time.monotonic()
    done = subprocess.run(lab.instance.command([AGENT, *arguments]), stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Failed(f"`vivarium-agent {' '.join(arguments)}` ended with exit code {done.returncode}")
    return time.monotonic() - begun


def print_received(received: dict[str, Any]) -> None:
    """The run in full, of the steps and of compliance what a console would list; then the calls."""
    inventory: dict[str, Any] = next(iter(received["inventory"].values()), {})
    for kind, item in inventory.items():
        print(f"inventory {kind}, {len(item['Content'])} rows; the first:")
        print("\n".join(f"    {name:20} {value}" for name, value in sorted(item["Content"][0].items())))
    for kind, items in next(iter(received["compliance"].values()), {}).items():
        print(f"compliance {kind}: " + ", ".join(f"{item['Id']} {item['Status']}" for item in items))
    calls = Counter((call["action"], call["outcome"]) for call in received["calls"] if call["by"] != "lab")
    print("calls: " + ", ".join(f"{count} x {action} {outcome}" for (action, outcome), count in calls.items()))


def told_by_the_agent(lab: Lab) -> str:
    """The time that the last run was given, as `status --json` remembers it."""
    said = lab.agent("status", "--json").stdout
    found = find(json.loads(said), "database_now")
    if found is None:
        raise Failed("`vivarium-agent status --json` tells no database_now")
    return str(found)


def find(value: Any, name: str) -> Any:
    """The first member of this name, wherever it is."""
    if isinstance(value, dict) and name in value:
        return value[name]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in inner if (found := find(part, name)) is not None), None)


def told_by_python(lab: Lab) -> str:
    """What a user types in a new login shell. The password waits where libpq looks for it."""
    known = f"{database.HOST}:{database.PORT}:{database.NAME}:{database.USER}:{lab.password}\n"
    lab.instance.write("/root/.pgpass", known, 0o600)
    lab.instance.write(SCRIPT, SELECT_NOW)
    done = lab.instance.run(["bash", "--login", "-c", f"$python3 {SCRIPT}"])
    if done.returncode != 0:
        raise Failed(f"$python3 {SCRIPT}: {done.stderr.strip()}")
    return done.stdout.strip()


def say_what_is_left(left: list[str]) -> bool:
    title("What is left on this machine")
    print("\n".join(left) if left else "nothing: no process, no mount, no namespace, no loop device of the demo")
    kept = [path for path in (KEPT / "installers", KEPT / "postgres-template") if path.exists()]
    print("(kept for the next time: " + ", ".join(str(path) for path in kept) + ")")
    return not left


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", type=existing, required=True, help="the vivarium-agent to show")
    parser.add_argument("--check", type=existing, required=True, help="the vivarium-check to show")
    parser.add_argument("--installer", type=existing, help="a real installer to serve instead of the stand-in")
    return parser.parse_args()


def existing(path: str) -> Path:
    if not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    return Path(path).resolve()


if __name__ == "__main__":
    sys.exit(main())
