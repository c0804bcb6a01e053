"""Where things are outside the VPC, and how the lab's own wires are numbered.

    laptop 203.0.113.10 ── internet ── fabric ── hypervisor ── the interface's address
                              └─ 203.0.113.53 names, 192.0.2.10 a host that is always there (22, 80, 443)

The wires inside are from 100.64.0.0/10, which no VPC of the lab uses: each interface's hypervisor has a
pair of addresses of its own.
"""

from __future__ import annotations

LAPTOP = "203.0.113.10"
LAPTOP_AT_HOME = "192.168.1.23"
OUTSIDE_GATEWAY = "203.0.113.1"
HOME_GATEWAY = "192.168.1.1"
OUTSIDE_NAMES = "203.0.113.53"
CONTROL = "192.0.2.10"
CONTROL_PORTS = (22, 80, 443)
# What the host that is always there is called: the checker asks AWS's mirror, and a well-known host on 22.
CONTROL_NAMES = ("control.example", "checkip.amazonaws.com", "github.com")
METADATA = "169.254.169.254"
RESOLVERS = ("10.0.0.2", "169.254.169.253")
TO_FABRIC, TO_INTERNET = "100.64.255.1", "100.64.255.2"
LOOP_NEAR, LOOP_FAR = "100.64.254.1", "100.64.254.2"


def wire(index: int) -> tuple[str, str]:
    """The two ends between the fabric and the hypervisor of an interface: the fabric's first."""
    return f"100.64.{index}.1", f"100.64.{index}.2"


def first_host(block: str) -> str:
    """The router's address in a subnet: the block's first but one."""
    network = block.split("/")[0].rsplit(".", 1)
    return f"{network[0]}.{int(network[1]) + 1}"


def length(block: str) -> str:
    """The prefix length of a block."""
    return block.split("/")[1]
