"""What Systems Manager tells of instances and of what they put: in pages, by filters, as the lab's AWS holds it.

Filters and pages are those of the real calls: at most 50 rows in a page, a filter of GetInventory by instance or by an
attribute of a type, a type that nobody has put anything into is an error, and compliance is summed up by instance.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws import Call, State

Row = dict[str, Any]
MOST = 50  # rows in a page
INSTANCE_ID = "AWS:InstanceInformation.InstanceId"


class Refused(Exception):
    """An error by its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def page(name: str, rows: list[Row], body: Row) -> Row:
    """One page of the rows, and what the next is asked for with."""
    try:
        start = int(base64.b64decode(body.get("NextToken") or base64.b64encode(b"0"), validate=True))
    except ValueError as error:
        raise Refused("InvalidNextToken") from error
    end = start + min(body.get("MaxResults", MOST), MOST)
    more = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(rows) else {}
    return {name: rows[start:end], **more}


def list_inventory_entries(state: State, call: Call) -> Row:
    node, name = call.body["InstanceId"], call.body["TypeName"]
    item = state.inventory.get(node, {}).get(name, {})
    known = {key: item[key] for key in ("SchemaVersion", "CaptureTime") if key in item}
    return {"TypeName": name, "InstanceId": node, **known, "Entries": item.get("Content", [])}


def get_inventory(state: State, call: Call) -> Row:
    wanted = [row["TypeName"] for row in call.body.get("ResultAttributes", [])]
    put = {name for items in state.inventory.values() for name in items}
    if any(name.startswith("Custom:") and name not in put for name in wanted):
        raise Refused("InvalidResultAttributeException")
    filters = call.body.get("Filters", [])
    nodes = sorted(
        node for node in {*state.registered, *state.inventory} if all(holds(state, node, row) for row in filters)
    )
    entities = [{"Id": node, "Data": data(state.inventory.get(node, {}), wanted)} for node in nodes]
    return page("Entities", entities, call.body)


def data(items: dict[str, Row], wanted: list[str]) -> Row:
    return {name: item for name, item in items.items() if not wanted or name in wanted}


def holds(state: State, node: str, row: Row) -> bool:
    """Whether an instance is one of those that a filter takes."""
    if row.get("Type", "Equal") != "Equal":
        raise Refused("InvalidFilter")
    if row["Key"] == INSTANCE_ID:
        return node in row["Values"]
    name, _, attribute = row["Key"].rpartition(".")
    content = state.inventory.get(node, {}).get(name, {}).get("Content", [])
    return any(entry.get(attribute) in row["Values"] for entry in content)


def list_compliance_items(state: State, call: Call) -> Row:
    nodes = call.body.get("ResourceIds") or list(state.compliance)
    found = [items for node in nodes for items in state.compliance.get(node, {}).values()]
    return page("ComplianceItems", [item for items in found for item in items], call.body)


def list_resource_compliance_summaries(state: State, call: Call) -> Row:
    kinds = [set(row["Values"]) for row in call.body.get("Filters", []) if row["Key"] == "ComplianceType"]
    rows = [
        summary(node, kind, items)
        for node, held in sorted(state.compliance.items())
        for kind, items in held.items()
        if items and all(kind in named for named in kinds)
    ]
    return page("ResourceComplianceSummaryItems", rows, call.body)


def summary(node: str, kind: str, items: list[Row]) -> Row:
    good = sum(item["Status"] == "COMPLIANT" for item in items)
    return {
        "ComplianceType": kind,
        "ResourceType": "ManagedInstance",
        "ResourceId": node,
        "Status": "COMPLIANT" if good == len(items) else "NON_COMPLIANT",
        "ExecutionSummary": items[0]["ExecutionSummary"],
        "CompliantSummary": {"CompliantCount": good},
        "NonCompliantSummary": {"NonCompliantCount": len(items) - good},
    }


def describe_instance_information(state: State, call: Call) -> Row:
    about = {
        "LastPingDateTime": time.time(),
        "AgentVersion": "3.3.0.0",
        "PlatformType": "Linux",
        "PlatformName": "Debian GNU/Linux",
        "PlatformVersion": "12",
        "ResourceType": "EC2Instance",
    }
    filters = call.body.get("Filters", [])
    nodes = sorted(node for node in state.registered if all(is_asked_for(state, node, row) for row in filters))
    status = {node: "ConnectionLost" if node in state.lost else "Online" for node in nodes}
    rows = [{"InstanceId": node, "PingStatus": status[node], **about} for node in nodes]
    return page("InstanceInformationList", rows, call.body)


def is_asked_for(state: State, node: str, row: Row) -> bool:
    tags, key, values = state.tags.get(node, {}), row["Key"], row["Values"]
    if key == "InstanceIds":
        return node in values
    if key == "tag-key":
        return any(value in tags for value in values)
    if key.startswith("tag:"):
        return tags.get(key.removeprefix("tag:")) in values
    raise Refused("InvalidFilterKey")
