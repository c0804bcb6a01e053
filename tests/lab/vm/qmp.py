"""Speaks to QEMU over its monitor: commands, their answers, and the events that come between."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from ..network import ServiceFailed


class Monitor:
    """A connection to one QEMU."""

    def __init__(self, path: Path) -> None:
        """The socket is there as soon as QEMU listens."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")
        self._events: list[str] = []
        self._read(300)  # the greeting: it comes when a kept moment has been read
        self.execute("qmp_capabilities")

    def execute(self, command: str, patience: float = 300, **arguments: Any) -> Any:
        """One command; what it returns."""
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = self._read(patience)
            if "error" in answer:
                raise ServiceFailed(f"QEMU refuses {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def person(self, line: str) -> str:
        """A command of the monitor that people use, for what the other one does not know."""
        said = str(self.execute("human-monitor-command", **{"command-line": line})).strip()
        if said.startswith("Error"):
            raise ServiceFailed(f"QEMU refuses {line}: {said}")
        return said

    def await_event(self, name: str, patience: float) -> None:
        """Returns when QEMU has told this, now or earlier."""
        deadline = time.monotonic() + patience
        while name not in self._events:
            self._read(max(0.001, deadline - time.monotonic()))
        self._events.remove(name)

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _read(self, patience: float) -> dict[str, Any]:
        self._socket.settimeout(patience)
        line = self._lines.readline()
        if not line:
            raise ServiceFailed("QEMU has ended")
        said: dict[str, Any] = json.loads(line)
        if "event" in said:
            self._events.append(said["event"])
        return said
