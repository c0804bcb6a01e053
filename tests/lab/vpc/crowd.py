"""The example with more machines in it: two in the public subnet, one next to the database.

Random networks are drawn over these interfaces, so that the namespaces stay and only rules change.
"""

from __future__ import annotations

import copy
import functools

from .describe import Folder, Json, example
from .edits import INSTANCE, INSTANCE_INTERFACE, PRIVATE, PUBLIC, instance, interface

# id of the instance, of the interface, private address, subnet, zone, public address
MORE = (
    ("i-0aaaaaaaaaaaaaaa1", "eni-0aaaaaaaaaaaaaaa1", "10.0.1.11", PUBLIC, "us-east-1a", "198.51.100.21"),
    ("i-0bbbbbbbbbbbbbbb2", "eni-0bbbbbbbbbbbbbbb2", "10.0.2.30", PRIVATE, "us-east-1b", "198.51.100.30"),
)


def crowd() -> Folder:
    """The folder, to be edited at will."""
    return copy.deepcopy(_crowd())


@functools.cache
def _crowd() -> Folder:
    folder = example()
    for row in MORE:
        _add(folder, *row)
    return folder


def _add(folder: Folder, name: str, card: str, address: str, subnet: str, zone: str, public: str) -> None:
    number = public.rsplit(".", 1)[1]
    words = {
        INSTANCE: name,
        INSTANCE_INTERFACE: card,
        "10.0.1.10": address,
        "ip-10-0-1-10": f"ip-{address.replace('.', '-')}",
        PUBLIC: subnet,
        "us-east-1a": zone,
        "use1-az1": "use1-az1" if zone.endswith("a") else "use1-az2",
        "198.51.100.20": public,
        "198-51-100-20": public.replace(".", "-"),
        "eipalloc-0c1d2e3f4a5b6c7d8": f"eipalloc-0c1d2e3f4a5b6c7{number}",
        "eipassoc-0e1f2a3b4c5d6e7f8": f"eipassoc-0e1f2a3b4c5d6e7{number}",
        "eni-attach-0a1b2c3d4e5f60003": f"eni-attach-0a1b2c3d4e5f600{number}",
        "r-0a1b2c3d4e5f60005": f"r-0a1b2c3d4e5f600{number}",
        "0e:12:34:56:78:9a": f"0e:12:34:56:78:{number}",
    }
    cards = folder["describe-network-interfaces"]["NetworkInterfaces"]
    cards.append(_reworded(interface(folder, INSTANCE_INTERFACE), words))
    reservation = folder["describe-instances"]["Reservations"][0]
    folder["describe-instances"]["Reservations"].append(_reworded(reservation, words))
    addresses = folder["describe-addresses"]["Addresses"]
    addresses.append(_reworded(addresses[0], words))
    statuses = folder["describe-instance-status"]["InstanceStatuses"]
    statuses.append(_reworded(statuses[0], words))
    assert instance(folder)["InstanceId"] == INSTANCE


def _reworded(row: Json, words: dict[str, str]) -> Json:
    """The same with other ids and addresses, wherever they stand in a text."""

    def reword(value: object) -> object:
        if isinstance(value, dict):
            return {key: reword(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [reword(inner) for inner in value]
        if isinstance(value, str):
            for old, new in words.items():
                value = value.replace(old, new)
        return value

    made = reword(copy.deepcopy(row))
    assert isinstance(made, dict)
    return made
