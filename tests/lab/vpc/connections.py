"""TCP connections tried from a namespace, many at once, and what the kernel says of each."""

from __future__ import annotations

import enum
import errno
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..network import Namespace

# Closing sends a reset, so that the source port is free for the next attempt at once.
AT_ONCE = struct.pack("ii", 1, 0)


class Outcome(enum.StrEnum):
    """How an attempt ended."""

    CONNECTED = "connected"
    REFUSED = "refused"
    TIMED_OUT = "timed out"
    HOST_UNREACHABLE = "host unreachable"
    NETWORK_UNREACHABLE = "network unreachable"
    OTHER = "other"

    @property
    def reached(self) -> bool:
        """Whether something at the other end answered: a refusal also comes all the way back."""
        return self in (Outcome.CONNECTED, Outcome.REFUSED)


WORDS = {
    0: Outcome.CONNECTED,
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.EHOSTUNREACH: Outcome.HOST_UNREACHABLE,
    errno.ENETUNREACH: Outcome.NETWORK_UNREACHABLE,
    errno.ETIMEDOUT: Outcome.TIMED_OUT,
}


@dataclass(frozen=True)
class Attempt:
    """One connection to be tried. Source port 0 lets the kernel pick one."""

    host: str
    port: int
    source_port: int = 0


def attempt_all(namespace: Namespace, attempts: Sequence[Attempt], patience: float) -> list[Outcome]:
    """Tries all at the same time; what has not ended after so many seconds has timed out."""
    return attempt_everywhere([(namespace, attempt) for attempt in attempts], patience)


def attempt_everywhere(attempts: Sequence[tuple[Namespace, Attempt]], patience: float) -> list[Outcome]:
    """The same from several places."""
    sockets = _sockets(attempts)
    outcomes = [Outcome.TIMED_OUT] * len(attempts)
    poll = select.epoll()
    waiting: dict[int, int] = {}
    try:
        for index, (ours, (_, attempt)) in enumerate(zip(sockets, attempts, strict=True)):
            said = ours.connect_ex((attempt.host, attempt.port))
            if said == errno.EINPROGRESS:
                waiting[ours.fileno()] = index
                poll.register(ours, select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP)
            else:
                outcomes[index] = WORDS.get(said, Outcome.OTHER)
        _wait(poll, waiting, sockets, outcomes, patience)
    finally:
        poll.close()
        for ours in sockets:
            ours.close()
    return outcomes


def _sockets(attempts: Sequence[tuple[Namespace, Attempt]]) -> list[socket.socket]:
    made: dict[int, socket.socket] = {}
    for namespace in {id(namespace): namespace for namespace, _ in attempts}.values():
        with namespace.inside():
            for index, (own, attempt) in enumerate(attempts):
                if own is namespace:
                    made[index] = _socket(attempt)
    return [made[index] for index in range(len(attempts))]


def _socket(attempt: Attempt) -> socket.socket:
    ours = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    if attempt.source_port:
        ours.bind(("0.0.0.0", attempt.source_port))
    return ours


def _wait(
    poll: select.epoll,
    waiting: dict[int, int],
    sockets: list[socket.socket],
    outcomes: list[Outcome],
    patience: float,
) -> None:
    deadline = time.monotonic() + patience
    while waiting and (left := deadline - time.monotonic()) > 0:
        for handle, _events in poll.poll(left):
            index = waiting.pop(handle)
            poll.unregister(handle)
            said = sockets[index].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            outcomes[index] = WORDS.get(said, Outcome.OTHER)
