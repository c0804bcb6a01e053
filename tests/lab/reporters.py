"""Instances that have reported, as Systems Manager holds it, without the machines: the lab's AWS on loopback."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .account import INSTANCE_ID
from .owner import Owner

HERE = Path(__file__).parent
INSTANCE = INSTANCE_ID
EC2 = "2016-11-15"
ENDED = "2026-11-23T10:01:00Z"
# A row as the agent writes it: docs/report-schema.md.
ROW = {
    "run_id": "0123456789ab",
    "latest": "true",
    "verdict": "ok",
    "exit_code": "0",
    "caller": "userdata",
    "started": "2026-11-23T10:00:00Z",
    "ended": ENDED,
    "checked_at": ENDED,
    "agent_version": "0.1.0",
    "report_version": "1",
    "failed_step": "",
    "summary": "",
    "hint": "",
    "steps_listed": "false",
    "runs_given_up": "0",
}
FAILED = {
    "verdict": "failed",
    "exit_code": "8",
    "failed_step": "database",
    "summary": "asking mydb: connection refused",
    "hint": "see that it runs",
}


def instance(number: int) -> str:
    return f"i-{number:017x}"


@dataclass
class Reporters(Owner):
    """The account's API, and what its owner does there."""

    address: str

    def launch(self, count: int, tags: dict[str, str]) -> list[str]:
        """Instances that EC2 has, and that Systems Manager hears of."""
        form = {"ImageId": "ami-12c6146b", "MinCount": count, "MaxCount": count}
        form["TagSpecification.1.ResourceType"] = "instance"
        for number, (key, value) in enumerate(tags.items(), 1):
            form[f"TagSpecification.1.Tag.{number}.Key"] = key
            form[f"TagSpecification.1.Tag.{number}.Value"] = value
        answer = ElementTree.fromstring(self.query("ec2", EC2, "RunInstances", form))
        made = sorted(str(node.text) for node in answer.iter() if node.tag.endswith("instanceId"))
        self.control("PUT", "registered", made)
        self.control("PUT", "tags", dict.fromkeys(made, tags))
        return made

    def stop(self, one: str) -> None:
        self.query("ec2", EC2, "StopInstances", {"InstanceId.1": one})

    def report(self, one: str, verdict: str, **more: str) -> None:
        """Puts a run into inventory."""
        row = {**ROW, **(FAILED if verdict == "failed" else {}), **more}
        item = {"TypeName": "Custom:VivariumRun", "SchemaVersion": "1.0", "CaptureTime": ENDED, "Content": [row]}
        self._ssm("PutInventory", InstanceId=one, Items=[item])

    def comply(self, one: str, *statuses: str) -> None:
        """Puts steps into compliance, and nothing into inventory."""
        items = [
            {"Id": f"step-{number}", "Title": "", "Severity": "UNSPECIFIED", "Status": status}
            for number, status in enumerate(statuses)
        ]
        summary = {"ExecutionTime": 1795428060, "ExecutionId": "0123456789ab"}
        common = {"ResourceId": one, "ResourceType": "ManagedInstance", "ComplianceType": "Custom:Vivarium"}
        self._ssm("PutComplianceItems", **common, ExecutionSummary=summary, Items=items)

    def _ssm(self, action: str, **body: Any) -> None:
        if body.get("InstanceId", body.get("ResourceId")) not in self._known():
            self.control("PUT", "registered", [*self._known(), body.get("InstanceId", body.get("ResourceId"))])
        self.call("ssm", f"AmazonSSM.{action}", **body)

    def _known(self) -> list[str]:
        return list(self.control("GET", "registered"))


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Reporters]:
    """The service, stopped by its id whatever happens."""
    argv = [sys.executable, str(HERE / "aws.py"), "--listen", "127.0.0.1:0"]
    with (
        open(folder / "aws.log", "w", encoding="utf-8") as log,
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            yield Reporters(process.stdout.readline().removeprefix("listening on ").strip())
        finally:
            process.kill()
