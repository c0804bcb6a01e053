"""What `describe-security-group-rules` prints for what `describe-security-groups` prints.

The two commands show the same rules twice, the first one by one and with ids. Who edits the groups of
a folder makes the list of rules anew from them; a rule's id follows from what it says, so a rule that
was not edited keeps its id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
PEERS = (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"), ("PrefixListIds", "PrefixListId"))
RULE_WORDS = {"CidrIp": "CidrIpv4", "CidrIpv6": "CidrIpv6", "PrefixListId": "PrefixListId"}


def group_rules(groups: Json) -> Json:
    """The whole document."""
    return {"SecurityGroupRules": [rule for group in groups["SecurityGroups"] for rule in _of_group(group)]}


def _of_group(group: Json) -> Iterator[Json]:
    for egress, permissions in ((False, "IpPermissions"), (True, "IpPermissionsEgress")):
        for permission in group[permissions]:
            for peer, description in _peers(permission):
                yield _rule(group, egress, permission, peer, description)


def _peers(permission: Json) -> Iterator[tuple[Json, str | None]]:
    for kind, word in PEERS:
        for peer in permission.get(kind, []):
            yield {RULE_WORDS[word]: peer[word]}, peer.get("Description")
    for pair in permission.get("UserIdGroupPairs", []):
        referenced = {key: pair[key] for key in ("GroupId", "UserId") if key in pair}
        yield {"ReferencedGroupInfo": referenced}, pair.get("Description")


def _rule(group: Json, egress: bool, permission: Json, peer: Json, description: str | None) -> Json:
    said = {
        "GroupId": group["GroupId"],
        "GroupOwnerId": group["OwnerId"],
        "IsEgress": egress,
        "IpProtocol": permission["IpProtocol"],
        "FromPort": permission.get("FromPort", -1),
        "ToPort": permission.get("ToPort", -1),
        **peer,
    }
    name = f"sgr-0{hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"
    own = str(group["SecurityGroupArn"]).replace("security-group/", "security-group-rule/")
    arn = own.replace(group["GroupId"], name)
    text = {"Description": description} if description else {}
    return {"SecurityGroupRuleId": name, **said, **text, "Tags": [], "SecurityGroupRuleArn": arn}
