"""The life of a lab: built when its `with` begins, gone without a trace when it ends, however that is."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from . import scratch as scratches
from .network import Namespace


class Life:
    """What a lab is made of is registered to be undone as soon as it is there."""

    def __init__(self) -> None:
        self.cleanup = contextlib.ExitStack()
        self._left: list[str] = []
        self.scratch: scratches.Scratch

    def build(self) -> None:
        """Makes everything; the directory of files is there already."""
        raise NotImplementedError

    def spaces(self) -> Mapping[str, Namespace]:
        """The network namespaces, by what they are for; those that were made so far."""
        raise NotImplementedError

    def leftovers(self) -> list[str]:
        """After the end: every process, loop device, mount or file of this lab that is still there."""
        return self._left

    def __enter__(self) -> Self:
        self.cleanup.enter_context(_ended_by_signals())
        try:
            scratches.sweep()
            self.scratch = scratches.Scratch()
            self.cleanup.callback(self.scratch.remove)
            self.build()
        except BaseException:
            self._tear_down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tear_down()

    def _tear_down(self) -> None:
        """Undoes everything in reverse order. A second Ctrl-C does not cut it short."""
        with _deaf_to_signals():
            self.cleanup.close()
            self._left = self._look_for_leftovers()

    def _look_for_leftovers(self) -> list[str]:
        left = _left_below(self.scratch.path) if hasattr(self, "scratch") else []
        for name, namespace in self.spaces().items():
            left += [f"process {number} in the namespace {name}" for number in namespace.processes()]
            namespace.forget()
        return left


def _left_below(path: Path) -> list[str]:
    """What of a lab can still be found by the name of its directory."""
    left = [f"loop device {device}" for device in scratches.loops_below(path)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    left += [f"mount {line.split()[4]}" for line in mounts if str(path) in line]
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(path).encode() in command.read_bytes():
                left.append(f"process {command.parent.name}")
    return left + ([f"directory {path}"] if path.exists() else [])


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the lab as Ctrl-C does: by an exception, so that everything is undone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _deaf_to_signals() -> Iterator[None]:
    ours = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
