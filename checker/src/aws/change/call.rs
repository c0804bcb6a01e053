//! A change as the calls that make it and those that undo it, in the words of the Query protocol. Pure.

use serde_json::{Value, json};

use super::write::Write;
use crate::aws::words::{acl_protocol, bounds, described, permission};
use crate::network::{
    Change, ExclusionScope, IpNet, Known, Network, NetworkAclEntry, Peer, Protocol, ProtocolMatch, Route,
    RouteDestination, RuleAction, SecurityGroupRule, Target,
};

/// A call that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub write: Write,
    /// Its parameters, by name.
    pub parameters: Vec<(String, String)>,
}

/// Stands for the id of the address that the call before has allocated.
pub(super) const ALLOCATED: &str = "allocated just now";

impl Call {
    fn new(write: Write) -> Self {
        Self { write, parameters: Vec::new() }
    }

    fn with(mut self, name: &str, value: &impl ToString) -> Self {
        self.parameters.push((name.to_owned(), value.to_string()));
        self
    }

    /// What is said in JSON on the command line, as names with dots and numbers.
    fn written(mut self, name: &str, value: &Value) -> Self {
        flatten(name, value, &mut self.parameters);
        self
    }

    /// Whether it needs the id of an address that is not allocated yet.
    pub fn needs_allocation(&self) -> bool {
        self.parameters.iter().any(|(_, value)| value == ALLOCATED)
    }

    /// The same, with the id.
    #[must_use]
    pub fn allocated(mut self, id: &str) -> Self {
        self.parameters
            .iter_mut()
            .filter(|(_, value)| value == ALLOCATED)
            .for_each(|row| id.clone_into(&mut row.1));
        self
    }

    pub(super) fn form(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", &self.write.name()).append_pair("Version", self.write.version());
        form.extend_pairs(&self.parameters);
        form.finish()
    }
}

fn flatten(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                // The command line has other names for two lists.
                let field = if field == "UserIdGroupPairs" { "Groups" } else { field };
                flatten(&format!("{name}.{field}"), value, into);
            }
        }
        Value::Array(rows) => {
            (1..).zip(rows).for_each(|(number, row)| flatten(&format!("{name}.{number}"), row, into));
        }
        Value::String(text) => into.push((name.to_owned(), text.clone())),
        other => into.push((name.to_owned(), other.to_string())),
    }
}

/// The calls that make a change, in this order.
pub fn make(change: &Change) -> Vec<Call> {
    match change {
        Change::EditRule { group, egress, rule, block } => edit(group, *egress, rule, &to(rule, *block)),
        Change::AddRule { group, egress, rule } => vec![authorize(group, *egress, rule)],
        Change::AddEntry { acl, entry } => vec![self::entry(Write::CreateNetworkAclEntry, acl, entry)],
        Change::ReplaceEntry { acl, new, .. } => vec![self::entry(Write::ReplaceNetworkAclEntry, acl, new)],
        Change::RemoveEntry { acl, entry } => vec![remove_entry(acl, entry)],
        Change::AddRoute { table, destination, target } => {
            vec![route(Write::CreateRoute, table, destination, Some(target))]
        }
        Change::ReplaceRoute { table, old, target } => {
            vec![route(Write::ReplaceRoute, table, &old.destination, Some(target))]
        }
        Change::Associate { allocation, interface, private } => {
            let id = allocation.as_ref().map_or_else(|| ALLOCATED.to_owned(), |(id, _)| id.to_string());
            let allocate = Call::new(Write::AllocateAddress).with("Domain", &"vpc");
            let associate = Call::new(Write::AssociateAddress)
                .with("AllocationId", &id)
                .with("NetworkInterfaceId", interface)
                .with("PrivateIpAddress", private)
                // Nobody else's address is taken away.
                .with("AllowReassociation", &false);
            allocation.is_none().then_some(allocate).into_iter().chain([associate]).collect()
        }
        other => switch(other, true),
    }
}

/// The calls that undo a change, in this order, in the network as it is now. `allocated` is the address that was
/// allocated for it, where one was. An error says why there are none.
pub fn undo(change: &Change, network: &Network, allocated: Option<&str>) -> Result<Vec<Call>, String> {
    Ok(match change {
        Change::EditRule { group, egress, rule, block } => edit(group, *egress, &to(rule, *block), rule),
        Change::AddRule { group, egress, rule } => vec![revoke(group, *egress, rule)],
        Change::AddEntry { acl, entry } => vec![remove_entry(acl, entry)],
        Change::ReplaceEntry { acl, old, .. } => vec![self::entry(Write::ReplaceNetworkAclEntry, acl, old)],
        Change::RemoveEntry { acl, entry } => vec![self::entry(Write::CreateNetworkAclEntry, acl, entry)],
        Change::AddRoute { table, destination, .. } => {
            vec![route(Write::DeleteRoute, table, destination, None)]
        }
        Change::ReplaceRoute { table, old, .. } => vec![route_back(table, old)],
        Change::Associate { .. } => disassociate(change, network, allocated)?,
        Change::Exclude(subnet) => {
            let scope = ExclusionScope::Subnet(subnet.clone());
            let known = network.block_public_access.value().and_then(|access| access.exclusions.value());
            let row = known.into_iter().flatten().find(|row| row.scope == scope);
            let id = &row.ok_or_else(|| format!("the exemption of {subnet} is not to be seen"))?.id;
            vec![Call::new(Write::DeleteVpcBlockPublicAccessExclusion).with("ExclusionId", id)]
        }
        other => switch(other, false),
    })
}

fn to(rule: &SecurityGroupRule, block: IpNet) -> SecurityGroupRule {
    SecurityGroupRule { peer: Peer::Cidr(block), ..rule.clone() }
}

/// Without its id a rule can only be put in place of the other; first the new one, so that nobody is cut off.
fn edit(group: &impl ToString, egress: bool, old: &SecurityGroupRule, new: &SecurityGroupRule) -> Vec<Call> {
    let Some(id) = &old.id else { return vec![authorize(group, egress, new), revoke(group, egress, old)] };
    let update = json!([{"SecurityGroupRuleId": id.to_string(), "SecurityGroupRule": described(new)}]);
    let call = Call::new(Write::ModifySecurityGroupRules).with("GroupId", group);
    vec![call.written("SecurityGroupRule", &update)]
}

fn authorize(group: &impl ToString, egress: bool, rule: &SecurityGroupRule) -> Call {
    let write =
        if egress { Write::AuthorizeSecurityGroupEgress } else { Write::AuthorizeSecurityGroupIngress };
    Call::new(write).with("GroupId", group).written("IpPermissions", &json!([permission(rule)]))
}

fn revoke(group: &impl ToString, egress: bool, rule: &SecurityGroupRule) -> Call {
    let write = if egress { Write::RevokeSecurityGroupEgress } else { Write::RevokeSecurityGroupIngress };
    Call::new(write).with("GroupId", group).written("IpPermissions", &json!([permission(rule)]))
}

fn entry(write: Write, acl: &impl ToString, entry: &NetworkAclEntry) -> Call {
    let action = match entry.rule_action {
        RuleAction::Allow => "allow",
        RuleAction::Deny => "deny",
    };
    let call = Call::new(write)
        .with("NetworkAclId", acl)
        .with("RuleNumber", &entry.rule_number)
        .with("Egress", &entry.egress)
        .with("RuleAction", &action);
    let Known::Known(matches) = &entry.matches else { return call };
    let block = matches.cidr_block;
    let family = if block.addr().is_ipv6() { "Ipv6CidrBlock" } else { "CidrBlock" };
    let call = call.with("Protocol", &acl_protocol(matches.protocol)).with(family, &block);
    match (matches.protocol, bounds(&matches.ports)) {
        (ProtocolMatch::One(Protocol::Tcp | Protocol::Udp), Some((first, last))) => {
            call.with("PortRange.From", &first).with("PortRange.To", &last)
        }
        (ProtocolMatch::One(Protocol::Icmp | Protocol::Icmpv6), _) => {
            let any = |part: Option<u8>| part.map_or(-1, i16::from);
            call.with("Icmp.Code", &any(matches.icmp.code)).with("Icmp.Type", &any(matches.icmp.icmp_type))
        }
        _ => call,
    }
}

fn remove_entry(acl: &impl ToString, entry: &NetworkAclEntry) -> Call {
    let call = Call::new(Write::DeleteNetworkAclEntry).with("NetworkAclId", acl);
    call.with("RuleNumber", &entry.rule_number).with("Egress", &entry.egress)
}

fn route(
    write: Write,
    table: &impl ToString,
    destination: &RouteDestination,
    target: Option<&Target>,
) -> Call {
    let to = match destination {
        RouteDestination::Cidr(block) if block.addr().is_ipv6() => "DestinationIpv6CidrBlock",
        RouteDestination::PrefixList(_) => "DestinationPrefixListId",
        _ => "DestinationCidrBlock",
    };
    let call = Call::new(write).with("RouteTableId", table).with(to, destination);
    match target {
        Some(target) => call.with(by(target), target),
        None => call,
    }
}

fn by(target: &Target) -> &'static str {
    match target {
        Target::NatGateway(_) => "NatGatewayId",
        Target::TransitGateway(_) => "TransitGatewayId",
        Target::PeeringConnection(_) => "VpcPeeringConnectionId",
        Target::NetworkInterface { .. } => "NetworkInterfaceId",
        Target::Instance(_) => "InstanceId",
        Target::Endpoint(_) => "VpcEndpointId",
        Target::EgressOnlyInternetGateway(_) => "EgressOnlyInternetGatewayId",
        _ => "GatewayId",
    }
}

/// A route to what is gone cannot be made again, so that its undoing is to have no route there.
fn route_back(table: &impl ToString, old: &Route) -> Call {
    if old.leads_nowhere() {
        route(Write::DeleteRoute, table, &old.destination, None)
    } else {
        route(Write::ReplaceRoute, table, &old.destination, Some(&old.target))
    }
}

/// The new address is given back too, if it is the one that was allocated: one that stands for nothing costs money.
fn disassociate(change: &Change, network: &Network, allocated: Option<&str>) -> Result<Vec<Call>, String> {
    let Change::Associate { interface, private, .. } = change else { return Ok(Vec::new()) };
    let own = |row: &&crate::network::Address| {
        row.network_interface.as_ref() == Some(interface) && row.private_ip.is_none_or(|own| own == *private)
    };
    let release = |id: &str| Call::new(Write::ReleaseAddress).with("AllocationId", &id);
    let row = network.addresses.values().find(own);
    let Some(association) = row.and_then(|row| row.association.as_ref()) else {
        return match allocated {
            Some(id) => Ok(vec![release(id)]),
            None => Err(format!("no Elastic IP address is seen to stand for {private} of {interface}")),
        };
    };
    let part = Call::new(Write::DisassociateAddress).with("AssociationId", association);
    Ok(std::iter::once(part).chain(allocated.map(release)).collect())
}

/// What is on or off, there or not.
fn switch(change: &Change, on: bool) -> Vec<Call> {
    let of = |yes, no| Call::new(if on { yes } else { no });
    let call = match change {
        Change::AttachGateway { gateway, vpc } => {
            of(Write::AttachInternetGateway, Write::DetachInternetGateway)
                .with("InternetGatewayId", gateway)
                .with("VpcId", vpc)
        }
        Change::StartInstance(id) => of(Write::StartInstances, Write::StopInstances).with("InstanceId.1", id),
        Change::StartDatabase(id) => {
            of(Write::StartDBInstance, Write::StopDBInstance).with("DBInstanceIdentifier", id)
        }
        Change::AcceptPeering(id) => of(Write::AcceptVpcPeeringConnection, Write::DeleteVpcPeeringConnection)
            .with("VpcPeeringConnectionId", id),
        Change::EnableDnsSupport(vpc) => {
            Call::new(Write::ModifyVpcAttribute).with("VpcId", vpc).with("EnableDnsSupport.Value", &on)
        }
        Change::PassOn(id) => Call::new(Write::ModifyNetworkInterfaceAttribute)
            .with("NetworkInterfaceId", id)
            .with("SourceDestCheck.Value", &!on),
        Change::Exclude(subnet) => Call::new(Write::CreateVpcBlockPublicAccessExclusion)
            .with("SubnetId", subnet)
            .with("InternetGatewayExclusionMode", &"allow-bidirectional"),
        _ => return Vec::new(),
    };
    vec![call]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{AclMatch, IcmpMatch, PortSet};

    fn said(calls: &[Call]) -> Vec<String> {
        let one = |call: &Call| {
            let pairs = call.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", call.write.name(), pairs.collect::<String>())
        };
        calls.iter().map(one).collect()
    }

    fn rule(id: Option<&str>) -> SecurityGroupRule {
        SecurityGroupRule {
            id: id.map(Into::into),
            ip_protocol: ProtocolMatch::One(Protocol::Tcp),
            ports: PortSet::one(22),
            icmp: IcmpMatch::default(),
            peer: Peer::Cidr("203.0.113.10/32".parse().expect("a block")),
            description: Some("home".into()),
        }
    }

    // What botocore sends for the lines that are printed; moto forgives what AWS would not.
    #[test]
    fn calls_are_written_as_botocore_writes_them() {
        let block = "203.0.113.7/32".parse().expect("a block");
        let edit =
            |id| Change::EditRule { group: "sg-1".into(), egress: false, rule: Box::new(rule(id)), block };
        let row = "SecurityGroupRule.1.SecurityGroupRule";
        assert_eq!(
            said(&make(&edit(Some("sgr-1")))),
            [format!(
                "ModifySecurityGroupRules GroupId=sg-1 {row}.CidrIpv4=203.0.113.7/32 {row}.Description=home \
                 {row}.FromPort=22 {row}.IpProtocol=tcp {row}.ToPort=22 SecurityGroupRule.1.SecurityGroupRuleId=sgr-1"
            )]
        );
        let ports = "IpPermissions.1.FromPort=22 IpPermissions.1.IpProtocol=tcp";
        let by = |write, address| {
            format!(
                "{write} GroupId=sg-1 {ports} IpPermissions.1.IpRanges.1.CidrIp={address}/32 \
                 IpPermissions.1.IpRanges.1.Description=home IpPermissions.1.ToPort=22"
            )
        };
        let (new, old) = ("203.0.113.7", "203.0.113.10");
        assert_eq!(
            said(&make(&edit(None))),
            [by("AuthorizeSecurityGroupIngress", new), by("RevokeSecurityGroupIngress", old)]
        );
        assert_eq!(
            said(&undo(&edit(None), &Network::default(), None).expect("calls")),
            [by("AuthorizeSecurityGroupIngress", old), by("RevokeSecurityGroupIngress", new)]
        );
        let peer =
            Peer::Group { id: "sg-2".into(), account: None, vpc: None, peering: None, peering_status: None };
        let rule = Box::new(SecurityGroupRule { peer, description: None, ..rule(None) });
        let add = Change::AddRule { group: "sg-1".into(), egress: true, rule };
        let wanted = format!(
            "AuthorizeSecurityGroupEgress GroupId=sg-1 {ports} IpPermissions.1.ToPort=22 \
             IpPermissions.1.Groups.1.GroupId=sg-2"
        );
        assert_eq!(said(&make(&add)), [wanted]);
    }

    #[test]
    fn entries_say_ports_or_types_and_the_family_of_their_block() {
        let entry = |protocol, block: &str| {
            let cidr_block = block.parse().expect("a block");
            let (ports, icmp) = (PortSet::range(1024, 65535), IcmpMatch { icmp_type: Some(8), code: None });
            let matches =
                Known::Known(AclMatch { protocol: ProtocolMatch::One(protocol), cidr_block, ports, icmp });
            NetworkAclEntry { rule_number: 40, egress: true, rule_action: RuleAction::Allow, matches }
        };
        let add =
            |entry| said(&make(&Change::AddEntry { acl: "acl-1".into(), entry: Box::new(entry) })).concat();
        let common = "CreateNetworkAclEntry NetworkAclId=acl-1 RuleNumber=40 Egress=true RuleAction=allow";
        assert_eq!(
            add(entry(Protocol::Tcp, "203.0.113.7/32")),
            format!("{common} Protocol=6 CidrBlock=203.0.113.7/32 PortRange.From=1024 PortRange.To=65535")
        );
        assert_eq!(
            add(entry(Protocol::Icmpv6, "2001:db8::/64")),
            format!("{common} Protocol=58 Ipv6CidrBlock=2001:db8::/64 Icmp.Code=-1 Icmp.Type=8")
        );
    }

    #[test]
    fn a_new_address_is_given_back_only_if_it_was_allocated_here() {
        let private = "10.0.0.5".parse().expect("an address");
        let change = Change::Associate { allocation: None, interface: "eni-1".into(), private };
        let calls = make(&change);
        let [allocate, associate] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(allocate.write, Write::AllocateAddress);
        assert!(
            said(&[associate.clone().allocated("eipalloc-1")]).concat().contains(" AllocationId=eipalloc-1 ")
        );
        assert!(undo(&change, &Network::default(), None).is_err());
        let back = undo(&change, &Network::default(), Some("eipalloc-1")).expect("it is given back");
        assert_eq!(said(&back), ["ReleaseAddress AllocationId=eipalloc-1"]);
    }
}
