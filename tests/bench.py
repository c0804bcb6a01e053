"""Measures the release build: its size, its start, an empty root, and a second run in the lab beside the time
that the same work takes by hand. Prints a table; nothing here fails for being slow."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent)

from lab.lab import Lab  # noqa: E402

BY_HAND = """
mountpoint -q /anaconda
/anaconda/anaconda3/bin/python -I -c 'import ssl, sqlite3, ctypes'
/anaconda/anaconda3/bin/python -I -c 'import psycopg2'
bash -lc 'test -n "$python3"'
"""


def seconds(argv: list[str], times: int) -> float:
    """The median of so many runs."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        subprocess.run(argv, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def in_an_empty_root(agent: Path) -> str:
    """What `--version` says where there is nothing but the binary."""
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "agent").write_bytes(agent.read_bytes())
        (Path(root) / "agent").chmod(0o755)
        said = subprocess.run(["chroot", root, "/agent", "--version"], check=True, capture_output=True, text=True)
    return said.stdout.strip()


def main() -> None:
    agent = Path(sys.argv[1])
    print(f"size                       {agent.stat().st_size:,} bytes")
    print(f"in an empty root           {in_an_empty_root(agent)}")
    start, nothing = seconds([str(agent), "--version"], 101), seconds(["/bin/true"], 101)
    ratio = start / nothing
    print(f"start (--version)          {start * 1000:.1f} ms, /bin/true {nothing * 1000:.1f} ms: ratio {ratio:.1f}")
    with Lab(agent) as lab:
        assert lab.agent("run").returncode == 0
        again = seconds(lab.instance.command(["/usr/local/bin/vivarium-agent", "run"]), 11)
        by_hand = seconds(lab.instance.command(["sh", "-euc", BY_HAND]), 11)
    print(f"second run in the lab      {again:.2f} s")
    print(f"its looks by hand          {by_hand:.2f} s, without database and reports: ratio {again / by_hand:.1f}")


if __name__ == "__main__":
    main()
