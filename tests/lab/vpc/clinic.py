"""The checker at work in a VPC: on the laptop and on the instance, with the account's configuration read live.

`examine` asks about what is broken; `cure` types the lines that were printed, at the AWS CLI and word for word, and
brings the VPC to what AWS then says; `undo` types those that take it back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import database
from ..instance import Instance
from ..network import ServiceFailed
from . import describe
from .account import CREDENTIALS, Account
from .services import USER
from .vpc import Vpc

CHECK = "/usr/local/bin/vivarium-check"
# A packet in here takes a hundredth of a second, or never comes. The rest is for the programs of a busy machine, and
# for the kernel, which sends a first packet once more after a second.
SETTINGS = "timeout = 2\n"
# Who asks; `private` is the database, asked for from where nobody reaches it.
PLACES = {"ssh": "laptop", "postgres": "instance", "private": "laptop"}


@dataclass(frozen=True)
class Answer:
    """What the checker answered."""

    code: int
    text: str

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @property
    def findings(self) -> list[dict[str, Any]]:
        return list(self.json["findings"])

    def lines(self, kind: str) -> Iterator[str]:
        """The lines to type, of all fixes in their order; those that undo them in the other."""
        findings = self.findings if kind == "commands" else reversed(self.findings)
        for finding in findings:
            yield from finding.get("fix", {}).get(kind, ())


class Clinic:
    """A VPC with an account, and the checker on both of its machines. The VPC must have begun."""

    def __init__(self, vpc: Vpc, program: Path) -> None:
        self.vpc = vpc
        self.account = Account.start(vpc.cleanup, vpc.scratch.file("account.log"))
        self.doors: dict[str, str] = {}
        for place in dict.fromkeys(PLACES.values()):
            machine = self.machine(place)
            view = vpc.laptop if place == "laptop" else vpc.instance()
            self.doors[place] = self.account.door(view.namespace, vpc.cleanup)
            machine.install(program, CHECK)
            machine.write("/root/.config/vivarium/check.toml", SETTINGS)
            known = f"{database.HOST}:{database.PORT}:*:{database.USER}:{vpc.password}\n"
            machine.write("/root/.pgpass", known, 0o600)
        self.account.hold(vpc.folder)

    def machine(self, place: str) -> Instance:
        found = (self.vpc.laptop if place == "laptop" else self.vpc.instance()).machine
        if found is None:
            raise ServiceFailed(f"there is no machine behind the {place}")
        return found

    def environment(self, place: str) -> dict[str, str]:
        """What the AWS CLI would be told there, too."""
        return {"AWS_ENDPOINT_URL": self.doors[place], **CREDENTIALS}

    def words(self, question: str, target: str = "") -> list[str]:
        """What a person types."""
        if question == "ssh":
            return ["ssh", f"{USER}@{target or self.vpc.public_address}"]
        return ["postgres", f"postgres://{database.USER}@{database.HOST}/{database.NAME}"]

    def command(self, question: str, target: str = "", *more: str) -> list[str]:
        """The command line that asks, from where it is asked."""
        place = PLACES[question]
        argv = [CHECK, *self.words(question, target), *more]
        return self.machine(place).command(argv, self.environment(place))

    def ask(self, question: str, target: str = "") -> Answer:
        """Runs the checker where the question belongs."""
        place = PLACES[question]
        argv = [CHECK, *self.words(question, target), "--json"]
        done = self.machine(place).run(argv, environment=self.environment(place))
        if not done.stdout:
            raise ServiceFailed(f"the checker says nothing: {done.stderr.strip()}")
        return Answer(done.returncode, done.stdout)

    def now(self) -> describe.Folder:
        """What AWS says now; the VPC is made what it says."""
        folder = self.account.read()
        self.vpc.apply(folder)
        return folder

    def type(self, *lines: str) -> describe.Folder:
        """Types lines at the AWS CLI; what AWS says afterwards."""
        self.account.type(*lines)
        return self.now()


def lasting(folder: describe.Folder) -> Any:
    """A configuration without what is another each time that it comes to be, in an order of its own."""
    return _lasting(folder)


PASSING = {"LaunchTime", "StateTransitionReason", "StateReason", "AssociationId", "AttachTime", "LatestRestorableTime"}


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in PASSING}
    if isinstance(value, list):
        return sorted((_lasting(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
