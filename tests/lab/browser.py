"""A headless Chromium, told over two pipes what to open: the DevTools protocol, without a port or a library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE = 60.0
# The fourth and fifth file of the process are what it listens to and answers on.
START = 'exec "$0" "$@" 3<&"$FROM" 4>&"$TO"'
FLAGS = (
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


class BrowserFailed(Exception):
    """It did not do what it was told."""


@dataclass(frozen=True)
class View:
    """How a page is looked at."""

    width: int
    dark: bool

    @property
    def name(self) -> str:
        return f"{self.width}-{'dark' if self.dark else 'light'}"


PHONE, DESKTOP = 375, 1280
VIEWS = tuple(View(width, dark) for width in (PHONE, DESKTOP) for dark in (False, True))


class Browser:
    """One window. What it wrote and the process are gone when its `with` ends."""

    def __enter__(self) -> Browser:
        self._profile = tempfile.mkdtemp(prefix="vivarium-browser-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        environment = os.environ | {"FROM": str(theirs_in), "TO": str(theirs_out)}
        command = ["bash", "-c", START, "chromium", *FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        with open(Path(self._profile) / "said", "wb") as said:
            self._process = subprocess.Popen(
                command,
                env=environment,
                pass_fds=(theirs_in, theirs_out),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest = b""
        self._number = 0
        self._session = ""
        self.asked: list[str] = []
        try:
            target = self.tell("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Runtime"):
                self.tell(f"{domain}.enable")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Its children are of its group, which has its number.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        # The last of them may still write for a moment.
        deadline = time.monotonic() + 10
        while Path(self._profile).exists() and time.monotonic() < deadline:
            shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, page: Path, view: View) -> list[str]:
        """Opens a page, and gives the address of everything that it asked for."""
        size = {"width": view.width, "height": 900, "deviceScaleFactor": 1, "mobile": view.width < 500}
        self.tell("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if view.dark else "light"}
        self.tell("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self.asked = []
        self.tell("Page.navigate", url=page.resolve().as_uri())
        self._await("Page.loadEventFired")
        return self.asked

    def evaluate(self, expression: str) -> Any:
        """What an expression of JavaScript comes to in the page."""
        answer = self.tell("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserFailed(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """The whole page as PNG."""
        answer = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._next()
            if heard.get("id") == self._number:
                if "error" in heard:
                    raise BrowserFailed(f"{method}: {heard['error']}")
                return dict(heard.get("result", {}))

    def _await(self, event: str) -> None:
        while self._next().get("method") != event:
            pass

    def _next(self) -> dict[str, Any]:
        """The next message, noted where it tells of something that was asked for."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], PATIENCE)
            read = os.read(self._in, 1 << 20) if ready else b""
            if not read:
                said = (Path(self._profile) / "said").read_text(errors="replace")[-1000:]
                raise BrowserFailed(f"chromium says nothing more: {said}")
            self._rest += read
        first, self._rest = self._rest.split(b"\0", 1)
        message = dict(json.loads(first))
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.append(message["params"]["request"]["url"])
        return message
