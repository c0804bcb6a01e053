"""Measures a whole check of a healthy pair, an instance and its database, beside the slowest probe of the same run, in
the lab's VPC. Prints a table; nothing here fails for being slow.

    .lab/venv/bin/python tests/bench_check.py target/release/vivarium-check
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab import database
from lab.vpc import describe
from lab.vpc.account import CREDENTIALS, Account
from lab.vpc.vpc import Vpc

TIMES = 11
PROGRAM = "/usr/local/bin/vivarium-check"


def main() -> None:
    with contextlib.ExitStack() as cleanup, Vpc(describe.EXAMPLE) as vpc:
        log = Path(cleanup.enter_context(tempfile.TemporaryDirectory())) / "aws.log"
        account = Account.start(cleanup, log)
        account.hold(vpc.folder)
        machine = vpc.instance().machine
        assert machine is not None
        machine.install(Path(sys.argv[1]), PROGRAM)
        targets = f'[[ssh]]\ntarget = "{vpc.interface().address}"\n[[postgres]]\ntarget = "{database.HOST}"\n'
        machine.write("/root/check.toml", targets)
        live = {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": account.door(vpc.instance().namespace, cleanup),
            "PGUSER": database.USER,
            "PGPASSWORD": vpc.password,
            "PGDATABASE": "postgres",
        }
        ask = [PROGRAM, "--config", "/root/check.toml", "--json"]
        measure("without AWS", machine.command([*ask, "--no-aws"], live))
        measure("with AWS", machine.command(ask, live))
        reading = [
            PROGRAM,
            "path",
            "--from",
            vpc.interface().instance or "",
            "--to",
            "mydb",
            "--port",
            "5432",
            "--json",
        ]
        measure("AWS alone", machine.command(reading, live))


def measure(name: str, command: list[str]) -> None:
    """The median run, and of it the slowest probe."""
    runs = sorted(once(command) for _ in range(TIMES))
    whole, slowest, what = runs[TIMES // 2]
    ratio = f", slowest probe {slowest:.3f} s ({what}): ratio {whole / slowest:.2f}" if slowest else ""
    spread = statistics.pstdev(run[0] for run in runs)
    print(f"{name:<14} {whole:.3f} s (+- {spread:.3f}){ratio}")


def once(command: list[str]) -> tuple[float, float, str]:
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    answer = json.loads(done.stdout)
    answers = answer.get("answers", [answer])
    assert all(one["verdict"] == "reachable" for one in answers), [one["headline"] for one in answers]
    seen = [one for each in answers for one in each.get("seen", [])]
    slowest = max(((seconds(one), one["asked"]) for one in seen), key=lambda row: row[0], default=(0.0, ""))
    return took, slowest[0], str(slowest[1])


def seconds(one: dict[str, Any]) -> float:
    return float(one["elapsed_us"]) / 1e6


if __name__ == "__main__":
    main()
