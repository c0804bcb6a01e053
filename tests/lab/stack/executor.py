"""Runs a Command document as Systems Manager and amazon-ssm-agent do, on a host of its own.

The service compares parameters with their patterns by Java's rules, the agent once more by RE2's; then each step's
lines become `_script.sh`, which `sh -c` runs as root with no terminal. What is kept of the output is its beginning.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import re2

from lab.instance import Instance

from .template import Json

STDOUT, STDERR, LIST = 24_000, 8_000, 2_500
CUT = "--output truncated--"
SUCCESS_AND_EXIT, FAILURE_AND_EXIT, KILLED = 168, 169, 137
INSTANCE = "i-0123456789abcdef0"
BIN = "/usr/local/bin"
HOLD = """
mount -t tmpfs lab "$0"
for own in etc usr/local var/lib run; do
    mkdir -p "$0/up/$own" "$0/work/$own"
    mount -t overlay -o "lowerdir=/$own,upperdir=$0/up/$own,workdir=$0/work/$own" lab "/$own"
done
rm -rf /etc/vivarium /var/lib/vivarium /usr/local/bin/vivarium-agent
echo up
read -r line || :
"""


class Refused(Exception):
    """A parameter was not taken."""


def given(document: Json, said: dict[str, str]) -> dict[str, str]:
    """The parameters with their defaults, or `Refused`."""
    declared = document.get("parameters", {})
    if said.keys() - declared.keys():
        raise Refused("no such parameter")
    values = {name: said.get(name, row.get("default")) for name, row in declared.items()}
    for name, value in values.items():
        if value is None or not by_the_service(declared[name], value) or not by_the_agent(declared[name], value):
            raise Refused(name)
    return {name: str(value) for name, value in values.items()}


def by_the_service(row: Json, value: str) -> bool:
    """Java's `$` lets a line's end stand after it, as Python's does."""
    if "allowedValues" in row and value not in row["allowedValues"]:
        return False
    long = row.get("minChars", 0) <= len(value) <= row.get("maxChars", 65_536)
    return long and re.search(row["allowedPattern"], value, re.ASCII) is not None


def by_the_agent(row: Json, value: str) -> bool:
    return re2.search(row["allowedPattern"], value) is not None


@dataclass
class Step:
    """What became of a step."""

    name: str
    status: str
    code: int = 0
    stdout: str = ""
    stderr: str = ""

    @property
    def listed(self) -> str:
        """What lists of invocations show."""
        return _beginning(self.stdout + self.stderr, LIST)


class Executor:
    """Runs the steps of a document somewhere."""

    environment: dict[str, str]

    def enter(self, script: str, environment: dict[str, str]) -> list[str]:
        """Puts a script there, and gives the command line that runs it with these variables and no others."""
        raise NotImplementedError

    def run(self, document: Json, said: dict[str, str]) -> list[Step]:
        """The whole document."""
        return self.execute(document, {f"SSM_{name}": value for name, value in given(document, said).items()})

    def execute(self, document: Json, variables: dict[str, str]) -> list[Step]:
        """Past all patterns."""
        steps: list[Step] = []
        last = document["mainSteps"][-1]
        for row in document["mainSteps"]:
            if _skipped(steps, document) and not (row is last and row["inputs"].get("finallyStep")):
                steps.append(Step(row["name"], "Skipped"))
            else:
                steps.append(self.step(row, variables))
        return steps

    def step(self, row: Json, variables: dict[str, str]) -> Step:
        own = {"AWS_SSM_INSTANCE_ID": INSTANCE, "AWS_SSM_REGION_NAME": "us-east-1", "SSM_COMMAND_ID": "c"}
        environment = {"PATH": "/usr/bin:/bin", **own, **self.environment, **variables}
        inside = self.enter("\n".join(row["inputs"]["runCommand"]), environment)
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(inside, start_new_session=True, cwd="/", **pipes)
        try:
            out, err = process.communicate(timeout=float(row["inputs"]["timeoutSeconds"]))
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            code = KILLED
        status = "Success" if code in (0, SUCCESS_AND_EXIT) else "Failed"
        said = (_beginning(text.decode(errors="replace"), most) for text, most in ((out, STDOUT), (err, STDERR)))
        return Step(row["name"], status, code, *said)


@dataclass
class Host(Executor):
    """A mount namespace in which documents may write what they want."""

    holder: subprocess.Popen[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def path(self, absolute: str) -> Path:
        return Path(f"/proc/{self.holder.pid}/root") / absolute.lstrip("/")

    def install(self, name: str, script: str) -> None:
        """Puts a program where the agent would be."""
        place = self.path(f"{BIN}/{name}")
        place.write_text(script)
        place.chmod(0o755)

    def enter(self, script: str, environment: dict[str, str]) -> list[str]:
        place = Path(tempfile.mkdtemp(dir=self.folder)) / "_script.sh"
        place.write_text(script)
        place.chmod(0o700)
        variables = [f"{name}={value}" for name, value in environment.items()]
        inside = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--"]
        return [*inside, "env", "--ignore-environment", *variables, "sh", "-c", str(place)]


@dataclass
class Managed(Executor):
    """The lab's instance, with amazon-ssm-agent on it."""

    instance: Instance
    environment: dict[str, str] = field(default_factory=dict)

    def enter(self, script: str, environment: dict[str, str]) -> list[str]:
        place = f"/var/lib/amazon/ssm/{uuid.uuid4()}/_script.sh"
        self.instance.write(place, script, 0o700)
        return self.instance.command(["sh", "-c", place], environment)


def _skipped(steps: list[Step], document: Json) -> bool:
    for step, row in zip(steps, document["mainSteps"], strict=False):
        if step.code in (SUCCESS_AND_EXIT, FAILURE_AND_EXIT):
            return True
        if step.status == "Failed" and row["inputs"].get("onFailure") == "exit":
            return True
    return False


def _beginning(text: str, most: int) -> str:
    return text if len(text.encode()) <= most else text.encode()[: most - len(CUT)].decode(errors="replace") + CUT


@contextlib.contextmanager
def host(folder: Path) -> Iterator[Host]:
    """A fresh host."""
    machine = folder / "machine"
    machine.mkdir(parents=True)
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", HOLD, str(machine)]
    holder = subprocess.Popen(unshare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "up\n"
        yield Host(holder, folder)
    finally:
        holder.kill()
        holder.wait()
        for pipe in (holder.stdin, holder.stdout):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(machine, ignore_errors=True)
