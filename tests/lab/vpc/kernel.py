"""nftables and connection tracking without a process for each change: a change takes a millisecond."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import socket
import struct

from ..network import Namespace, ServiceFailed

NFNETLINK_DELETE_ALL = (1 << 8) | 2  # the subsystem of connection tracking, its message "delete"
REQUEST_AND_ACKNOWLEDGE = 0x5
HEADER = struct.Struct("=IHHII")
FAMILY = struct.pack("=BBH", socket.AF_INET, 0, 0)
NETLINK_NETFILTER = 12


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libnftables.so.1")
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    for name in ("nft_ctx_buffer_error", "nft_ctx_buffer_output", "nft_ctx_get_error_buffer", "nft_ctx_free"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return library


def set_rules(namespace: Namespace, text: str) -> None:
    """What `nft --file` does, in one transaction."""
    library = _library()
    with namespace.inside():
        context = library.nft_ctx_new(0)
        try:
            library.nft_ctx_buffer_error(context)
            library.nft_ctx_buffer_output(context)
            if library.nft_run_cmd_from_buffer(context, text.encode()) != 0:
                said = library.nft_ctx_get_error_buffer(context).decode()
                raise ServiceFailed(f"{said}: {text}")
        finally:
            library.nft_ctx_free(context)


def forget_connections(namespace: Namespace) -> None:
    """Empties the table of tracked connections."""
    with namespace.inside():
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    with contextlib.closing(netlink):
        size = HEADER.size + len(FAMILY)
        netlink.send(HEADER.pack(size, NFNETLINK_DELETE_ALL, REQUEST_AND_ACKNOWLEDGE, 1, 0) + FAMILY)
        failed = -struct.unpack_from("=i", netlink.recv(4096), HEADER.size)[0]
        if failed:
            raise OSError(failed, "forgetting tracked connections")
