//! A change, as lines for the AWS CLI and for a POSIX shell. What is said in JSON has no shorthand's traps.

use serde_json::json;

use super::Change;
use crate::aws::words::{acl_protocol, bounds, described, permission};
use crate::network::{
    AclMatch, Known, NetworkAclEntry, Peer, Protocol, ProtocolMatch, Route, RouteDestination, RuleAction,
    SecurityGroupRule, Target,
};

/// Writes lines for one Region and profile.
pub struct Writer<'a> {
    /// The Region, where it is not the usual one.
    pub region: Option<&'a str>,
    /// The profile.
    pub profile: Option<&'a str>,
}

impl Writer<'_> {
    /// The lines that make a change.
    pub fn make(&self, change: &Change) -> Vec<String> {
        let words = match change {
            Change::EditRule { group, egress, rule, block } => return self.edit(group, *egress, rule, *block),
            Change::AddRule { group, egress, rule } => self.add_rule(group, *egress, rule),
            Change::AddEntry { acl, entry } => self.entry("create-network-acl-entry", acl, entry),
            Change::ReplaceEntry { acl, new, .. } => self.entry("replace-network-acl-entry", acl, new),
            Change::RemoveEntry { acl, entry } => self.remove_entry(acl, entry),
            Change::AddRoute { table, destination, target } => {
                self.route("create-route", table, destination, Some(target))
            }
            Change::ReplaceRoute { table, old, target } => {
                self.route("replace-route", table, &old.destination, Some(target))
            }
            Change::AttachGateway { gateway, vpc } => {
                self.ec2(&format!("attach-internet-gateway --internet-gateway-id {gateway} --vpc-id {vpc}"))
            }
            Change::StartInstance(id) => self.ec2(&format!("start-instances --instance-ids {id}")),
            Change::StartDatabase(id) => {
                self.aws("rds", &format!("start-db-instance --db-instance-identifier {id}"))
            }
            Change::Associate { .. } => self.associate(change),
            Change::EnableDnsSupport(vpc) => {
                self.ec2(&format!("modify-vpc-attribute --vpc-id {vpc} --enable-dns-support"))
            }
            Change::Exclude(subnet) => self.ec2(&format!(
                "create-vpc-block-public-access-exclusion --subnet-id {subnet} --internet-gateway-exclusion-mode allow-bidirectional"
            )),
            Change::AcceptPeering(id) => {
                self.ec2(&format!("accept-vpc-peering-connection --vpc-peering-connection-id {id}"))
            }
            Change::PassOn(id) => self.source_dest_check(id, false),
        };
        vec![words]
    }

    /// The lines that undo it.
    pub fn undo(&self, change: &Change) -> Vec<String> {
        let words = match change {
            Change::EditRule { group, egress, rule, block } => {
                return self.edit_back(group, *egress, rule, *block);
            }
            Change::AddRule { group, egress, rule } => self.revoke(group, *egress, rule),
            Change::AddEntry { acl, entry } => self.remove_entry(acl, entry),
            Change::ReplaceEntry { acl, old, .. } => self.entry("replace-network-acl-entry", acl, old),
            Change::RemoveEntry { acl, entry } => self.entry("create-network-acl-entry", acl, entry),
            Change::AddRoute { table, destination, .. } => {
                self.route("delete-route", table, destination, None)
            }
            Change::ReplaceRoute { table, old, .. } => return self.route_back(table, old),
            Change::AttachGateway { gateway, vpc } => {
                self.ec2(&format!("detach-internet-gateway --internet-gateway-id {gateway} --vpc-id {vpc}"))
            }
            Change::StartInstance(id) => self.ec2(&format!("stop-instances --instance-ids {id}")),
            Change::StartDatabase(id) => {
                self.aws("rds", &format!("stop-db-instance --db-instance-identifier {id}"))
            }
            Change::Associate { .. } => return self.disassociate(change),
            Change::EnableDnsSupport(vpc) => {
                self.ec2(&format!("modify-vpc-attribute --vpc-id {vpc} --no-enable-dns-support"))
            }
            Change::Exclude(subnet) => self.include(subnet),
            Change::AcceptPeering(id) => {
                self.ec2(&format!("delete-vpc-peering-connection --vpc-peering-connection-id {id}"))
            }
            Change::PassOn(id) => self.source_dest_check(id, true),
        };
        vec![words]
    }

    fn aws(&self, service: &str, words: &str) -> String {
        let region = self.region.map(|region| format!(" --region {}", quoted(region))).unwrap_or_default();
        let profile = self.profile.map(|name| format!(" --profile {}", quoted(name))).unwrap_or_default();
        format!("aws{region}{profile} {service} {words}")
    }

    fn ec2(&self, words: &str) -> String {
        self.aws("ec2", words)
    }

    fn edit(
        &self,
        group: &impl ToString,
        egress: bool,
        rule: &SecurityGroupRule,
        block: crate::network::IpNet,
    ) -> Vec<String> {
        let new = SecurityGroupRule { peer: Peer::Cidr(block), ..rule.clone() };
        match &rule.id {
            Some(_) => vec![self.modify(group, &new)],
            // Without its id a rule can only be put in place of the other; first the new one, so that nobody is cut off.
            None => vec![self.add_rule(group, egress, &new), self.revoke(group, egress, rule)],
        }
    }

    fn edit_back(
        &self,
        group: &impl ToString,
        egress: bool,
        rule: &SecurityGroupRule,
        block: crate::network::IpNet,
    ) -> Vec<String> {
        let new = SecurityGroupRule { peer: Peer::Cidr(block), ..rule.clone() };
        match &rule.id {
            Some(_) => vec![self.modify(group, rule)],
            None => vec![self.add_rule(group, egress, rule), self.revoke(group, egress, &new)],
        }
    }

    fn modify(&self, group: &impl ToString, rule: &SecurityGroupRule) -> String {
        let id = rule.id.as_ref().map(ToString::to_string);
        let rules = json!([{"SecurityGroupRuleId": id, "SecurityGroupRule": described(rule)}]);
        let group = group.to_string();
        self.ec2(&format!(
            "modify-security-group-rules --group-id {group} --security-group-rules {}",
            quoted(&rules.to_string())
        ))
    }

    fn add_rule(&self, group: &impl ToString, egress: bool, rule: &SecurityGroupRule) -> String {
        self.permissions("authorize", group, egress, rule)
    }

    fn revoke(&self, group: &impl ToString, egress: bool, rule: &SecurityGroupRule) -> String {
        self.permissions("revoke", group, egress, rule)
    }

    fn permissions(
        &self,
        verb: &str,
        group: &impl ToString,
        egress: bool,
        rule: &SecurityGroupRule,
    ) -> String {
        let list = if egress { "egress" } else { "ingress" };
        let permissions = quoted(&json!([permission(rule)]).to_string());
        let group = group.to_string();
        self.ec2(&format!("{verb}-security-group-{list} --group-id {group} --ip-permissions {permissions}"))
    }

    fn entry(&self, verb: &str, acl: &impl ToString, entry: &NetworkAclEntry) -> String {
        let acl = acl.to_string();
        let list = if entry.egress { "--egress" } else { "--ingress" };
        let action = match entry.rule_action {
            RuleAction::Allow => "allow",
            RuleAction::Deny => "deny",
        };
        let number = entry.rule_number;
        let speaks = match &entry.matches {
            Known::Known(matches) => speaks(matches),
            Known::Unknown(_) => String::new(),
        };
        self.ec2(&format!(
            "{verb} --network-acl-id {acl} {list} --rule-number {number} {speaks} --rule-action {action}"
        ))
    }

    fn remove_entry(&self, acl: &impl ToString, entry: &NetworkAclEntry) -> String {
        let acl = acl.to_string();
        let list = if entry.egress { "--egress" } else { "--ingress" };
        let number = entry.rule_number;
        self.ec2(&format!("delete-network-acl-entry --network-acl-id {acl} {list} --rule-number {number}"))
    }

    fn route(
        &self,
        verb: &str,
        table: &impl ToString,
        destination: &RouteDestination,
        target: Option<&Target>,
    ) -> String {
        let table = table.to_string();
        let to = match destination {
            RouteDestination::Cidr(block) if block.addr().is_ipv6() => {
                format!("--destination-ipv6-cidr-block {block}")
            }
            RouteDestination::PrefixList(list) => format!("--destination-prefix-list-id {list}"),
            other => format!("--destination-cidr-block {other}"),
        };
        let by = target.map(|target| format!(" {}", by(target))).unwrap_or_default();
        self.ec2(&format!("{verb} --route-table-id {table} {to}{by}"))
    }

    /// A route to what is gone cannot be made again, so that its undo is to have no route there.
    fn route_back(&self, table: &impl ToString, old: &Route) -> Vec<String> {
        vec![if old.leads_nowhere() {
            self.route("delete-route", table, &old.destination, None)
        } else {
            self.route("replace-route", table, &old.destination, Some(&old.target))
        }]
    }

    fn associate(&self, change: &Change) -> String {
        let Change::Associate { allocation, interface, private } = change else { return String::new() };
        let allocate = || self.ec2("allocate-address --domain vpc --query AllocationId --output text");
        let id =
            allocation.as_ref().map_or_else(|| format!("\"$({})\"", allocate()), |(id, _)| id.to_string());
        self.ec2(&format!(
            "associate-address --allocation-id {id} --network-interface-id {interface} --private-ip-address {private}"
        ))
    }

    fn disassociate(&self, change: &Change) -> Vec<String> {
        let Change::Associate { allocation, interface, .. } = change else { return Vec::new() };
        let asked = |what: &str| {
            self.ec2(&format!(
                "describe-addresses --filters Name=network-interface-id,Values={interface} --query 'Addresses[0].{what}' --output text"
            ))
        };
        let part = |id: &str| self.ec2(&format!("disassociate-address --association-id {id}"));
        if allocation.is_some() {
            return vec![part(&format!("\"$({})\"", asked("AssociationId")))];
        }
        // The new address is given back too: one that stands for nothing costs money.
        vec![
            format!("allocation=\"$({})\"", asked("AllocationId")),
            part(&format!("\"$({})\"", asked("AssociationId"))),
            self.ec2("release-address --allocation-id \"$allocation\""),
        ]
    }

    fn include(&self, subnet: &impl ToString) -> String {
        let subnet = subnet.to_string();
        let asked = self.ec2(&format!(
            "describe-vpc-block-public-access-exclusions --query \"VpcBlockPublicAccessExclusions[?ends_with(ResourceArn,'/{subnet}')].ExclusionId|[0]\" --output text"
        ));
        self.ec2(&format!("delete-vpc-block-public-access-exclusion --exclusion-id \"$({asked})\""))
    }

    fn source_dest_check(&self, interface: &impl ToString, on: bool) -> String {
        let (interface, no) = (interface.to_string(), if on { "" } else { "no-" });
        self.ec2(&format!(
            "modify-network-interface-attribute --network-interface-id {interface} --{no}source-dest-check"
        ))
    }
}

fn by(target: &Target) -> String {
    match target {
        Target::InternetGateway(id) => format!("--gateway-id {id}"),
        Target::NatGateway(id) => format!("--nat-gateway-id {id}"),
        Target::TransitGateway(id) => format!("--transit-gateway-id {id}"),
        Target::PeeringConnection(id) => format!("--vpc-peering-connection-id {id}"),
        Target::NetworkInterface { id, .. } => format!("--network-interface-id {id}"),
        Target::Instance(id) => format!("--instance-id {id}"),
        Target::Endpoint(id) => format!("--vpc-endpoint-id {id}"),
        Target::EgressOnlyInternetGateway(id) => format!("--egress-only-internet-gateway-id {id}"),
        other => format!("--gateway-id {other}"),
    }
}

fn speaks(matches: &AclMatch) -> String {
    let number = acl_protocol(matches.protocol);
    let block = matches.cidr_block;
    let family = if block.addr().is_ipv6() { "ipv6-cidr-block" } else { "cidr-block" };
    let ports = match (matches.protocol, bounds(&matches.ports)) {
        (ProtocolMatch::One(Protocol::Tcp | Protocol::Udp), Some((first, last))) => {
            format!(" --port-range From={first},To={last}")
        }
        (ProtocolMatch::One(Protocol::Icmp | Protocol::Icmpv6), _) => {
            let any = |part: Option<u8>| part.map_or(-1, i16::from);
            let (kind, code) = (any(matches.icmp.icmp_type), any(matches.icmp.code));
            format!(" --icmp-type-code Code={code},Type={kind}")
        }
        _ => String::new(),
    };
    format!("--protocol {number}{ports} --{family} {block}")
}

/// A word that the shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
