"""Run Command for the lab's AWS: the script is really run on the machine, as amazon-ssm-agent runs it.

As root, by `sh`, without a terminal, with little in its environment; what it prints is cut where AWS cuts it,
at bytes, and its exit code is told. Which machine an instance id stands for is said by the lab: the command
line that enters it.
"""

from __future__ import annotations

import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field

STDOUT, STDERR = 24_000, 8_000
CUT = "\n--output truncated--"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
DOCUMENT = "AWS-RunShellScript"


@dataclass
class Commands:
    """The commands that were sent, and how the machines are entered."""

    machines: dict[str, list[str]] = field(default_factory=dict)
    sent: dict[str, dict] = field(default_factory=dict)

    def send(self, node: str, body: dict) -> dict:
        """Begins; what it comes to is told by `invocation`."""
        ident = str(uuid.uuid4())
        told = {
            "CommandId": ident,
            "InstanceId": node,
            "DocumentName": DOCUMENT,
            "PluginName": "aws:runShellScript",
            "ResponseCode": -1,
            "Status": "Pending",
            "StatusDetails": "Pending",
            "StandardOutputContent": "",
            "StandardErrorContent": "",
        }
        self.sent[ident] = told
        parameters = body.get("Parameters", {})
        patience = int(parameters.get("executionTimeout", ["3600"])[0])
        script = "\n".join(parameters.get("commands", []))
        threading.Thread(target=self._run, args=(told, script, patience), daemon=True).start()
        return {"Command": {"CommandId": ident, "DocumentName": DOCUMENT, "InstanceIds": [node], "Status": "Pending"}}

    def invocation(self, ident: str, node: str) -> dict | None:
        """How it stands."""
        told = self.sent.get(ident)
        return told if told is not None and told["InstanceId"] == node else None

    def _run(self, told: dict, script: str, patience: int) -> None:
        told["Status"] = told["StatusDetails"] = "InProgress"
        node = told["InstanceId"]
        own = {**ENVIRONMENT, "AWS_SSM_INSTANCE_ID": node, "SSM_COMMAND_ID": told["CommandId"]}
        variables = [f"{name}={value}" for name, value in own.items()]
        argv = [*self.machines[node], "env", "--ignore-environment", *variables, "sh", "-c", script]
        began = time.monotonic()
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience, check=False, cwd="/"
            )
            code, status = done.returncode, "Success" if done.returncode == 0 else "Failed"
            out, err = done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            code, status, out, err = 137, "TimedOut", late.stdout or b"", late.stderr or b""
        told |= {
            "ResponseCode": code,
            "StandardOutputContent": _head(out, STDOUT),
            "StandardErrorContent": _head(err, STDERR),
            "ExecutionElapsedTime": f"PT{time.monotonic() - began:.3f}S",
            "StatusDetails": "ExecutionTimedOut" if status == "TimedOut" else status,
        }
        told["Status"] = status  # last: whoever sees it finds the rest


def _head(said: bytes, most: int) -> str:
    text = said[:most].decode(errors="replace")
    return text + CUT if len(said) > most else text
