//! Brings together what several answers say of one thing.

use std::collections::{BTreeMap, BTreeSet};

use super::Documents;
use crate::network::{
    InstanceId, Kind, Known, Network, NetworkInterface, NetworkInterfaceId, RouteDestination, SecurityGroup,
    SecurityGroupId, SecurityGroupRule, Target, Vpc,
};

pub(super) fn together(documents: &mut Documents) {
    interfaces(documents);
    elastic_addresses(&mut documents.network);
    rules(documents);
    order(&mut documents.network);
    vpcs_of_route_tables(&mut documents.network);
    dns_attributes(documents);
    subnet_groups(&mut documents.network);
    super::condition::parameters_of_groups(documents);
    super::propagation::learn(&mut documents.network);
}

/// What describe-instances repeats of interfaces counts where describe-network-interfaces does not speak.
fn interfaces(documents: &mut Documents) {
    let interfaces = &mut documents.network.network_interfaces;
    let mut with_own: BTreeSet<Option<InstanceId>> =
        interfaces.values().map(|interface| interface.instance().cloned()).collect();
    for repeated in std::mem::take(&mut documents.repeated) {
        let is_made_up = !repeated.id.as_str().starts_with("eni-");
        if !with_own.insert(repeated.instance().cloned()) && is_made_up {
            continue;
        }
        match interfaces.get_mut(&repeated.id) {
            Some(known) if is_anothers(known, &repeated) => {
                // Who makes answers anonymous may give every interface one id.
                let id = format!("{} of {}", repeated.id, named(&repeated));
                interfaces.insert(id.as_str().into(), NetworkInterface { id: id.into(), ..repeated });
            }
            Some(known) => known.attachment = known.attachment.take().or(repeated.attachment),
            None => {
                interfaces.insert(repeated.id.clone(), repeated);
            }
        }
    }
}

fn is_anothers(known: &NetworkInterface, repeated: &NetworkInterface) -> bool {
    known.instance().is_some() && known.instance() != repeated.instance()
}

fn named(interface: &NetworkInterface) -> String {
    interface.instance().map(ToString::to_string).unwrap_or_default()
}

/// An Elastic IP names the interface or instance it stands for: the interface may not say it itself.
fn elastic_addresses(network: &mut Network) {
    let associated: Vec<_> =
        network.addresses.values().filter(|row| row.association.is_some()).cloned().collect();
    let mut first: BTreeMap<InstanceId, NetworkInterfaceId> = BTreeMap::new();
    for interface in network.network_interfaces.values() {
        if let Some(instance) = interface.instance() {
            first.entry(instance.clone()).or_insert_with(|| interface.id.clone());
        }
    }
    for row in associated {
        let of_instance = || row.instance.as_ref().and_then(|instance| first.get(instance));
        let Some(id) = row.network_interface.as_ref().or_else(of_instance) else { continue };
        let Some(interface) = network.network_interfaces.get_mut(id) else { continue };
        let private = row.private_ip.or_else(|| interface.primary().map(|first| first.address));
        let entry = interface.private_addresses.iter_mut().find(|entry| Some(entry.address) == private);
        if let Some(entry) = entry {
            entry.public = entry.public.or(Some(row.public_ip));
        }
    }
}

/// Both answers about rules say the same; only one knows the rules' ids.
fn rules(documents: &mut Documents) {
    let mut by_group: BTreeMap<SecurityGroupId, Vec<(bool, SecurityGroupRule)>> = BTreeMap::new();
    for (group, egress, rule) in std::mem::take(&mut documents.rules) {
        by_group.entry(group).or_default().push((egress, rule));
    }
    for (id, rules) in by_group {
        let groups = &mut documents.network.security_groups;
        if groups.get(&id).is_none() {
            groups.insert(id.clone(), group_of_rules(&id));
        }
        let group = groups.get_mut(&id).expect("it was put there just now");
        for (egress, rule) in rules {
            add_rule(if egress { &mut group.outbound } else { &mut group.inbound }, rule);
        }
    }
}

/// The rules of a group are a set: AWS tells them in any order, and not always in the same.
fn order(network: &mut Network) {
    for group in network.security_groups.values_mut() {
        for rules in [&mut group.inbound, &mut group.outbound] {
            if let Known::Known(rules) = rules {
                rules.sort_by(|one, other| in_order(one).cmp(&in_order(other)));
            }
        }
    }
}

/// Ids come last: not every reader is told them.
fn in_order(rule: &SecurityGroupRule) -> impl Ord + '_ {
    (rule.ip_protocol, &rule.ports, rule.icmp, &rule.peer, &rule.description, &rule.id)
}

fn group_of_rules(id: &SecurityGroupId) -> SecurityGroup {
    let (inbound, outbound) = (Known::Known(Vec::new()), Known::Known(Vec::new()));
    SecurityGroup { id: id.clone(), name: None, vpc: None, owner: None, inbound, outbound }
}

fn add_rule(rules: &mut Known<Vec<SecurityGroupRule>>, rule: SecurityGroupRule) {
    let Known::Known(known) = rules else {
        *rules = Known::Known(vec![rule]);
        return;
    };
    match known.iter_mut().find(|other| is_same(other, &rule)) {
        Some(same) => same.id = rule.id,
        None => known.push(rule),
    }
}

fn is_same(one: &SecurityGroupRule, other: &SecurityGroupRule) -> bool {
    use crate::network::Peer;
    let same_peer = match (&one.peer, &other.peer) {
        (Peer::Group { id, .. }, Peer::Group { id: other, .. }) => id == other,
        (peer, other) => peer == other,
    };
    let same_id = one.id.is_none() || other.id.is_none() || one.id == other.id;
    same_peer
        && same_id
        && (one.ip_protocol, &one.ports, one.icmp) == (other.ip_protocol, &other.ports, other.icmp)
}

/// The local routes of a VPC's tables are its blocks: enough where nobody has saved the VPC itself.
fn vpcs_of_route_tables(network: &mut Network) {
    let tables: Vec<_> = network.route_tables.values().cloned().collect();
    for table in tables.iter().filter(|table| !table.vpc.as_str().contains(' ')) {
        let known = network.vpcs.get(&table.vpc).is_some_and(|vpc| !vpc.cidr_blocks.is_empty());
        let routes = table.routes.value().into_iter().flatten();
        let local = routes.filter(|route| route.target == Target::Local).filter_map(|route| {
            match &route.destination {
                RouteDestination::Cidr(block) => Some(*block),
                RouteDestination::PrefixList(_) | RouteDestination::Unreadable(_) => None,
            }
        });
        let blocks: Vec<_> = local.collect();
        if !known && !blocks.is_empty() {
            network.vpcs.insert(
                table.vpc.clone(),
                Vpc {
                    id: table.vpc.clone(),
                    name: None,
                    owner: None,
                    cidr_blocks: blocks,
                    enable_dns_support: Known::default(),
                    enable_dns_hostnames: Known::default(),
                    block_public_access: None,
                },
            );
        }
    }
}

fn dns_attributes(documents: &mut Documents) {
    let refused = documents.refused.get(&Kind::VpcAttributes).cloned();
    for vpc in documents.network.vpcs.values_mut() {
        if let Some(flag) = documents.dns_support.get(&vpc.id) {
            vpc.enable_dns_support = Known::Known(*flag);
        }
        if let Some(flag) = documents.dns_hostnames.get(&vpc.id) {
            vpc.enable_dns_hostnames = Known::Known(*flag);
        }
        for (name, field) in [
            ("enableDnsSupport", &mut vpc.enable_dns_support),
            ("enableDnsHostnames", &mut vpc.enable_dns_hostnames),
        ] {
            if let Known::Unknown(missing) = field {
                missing.what = format!("{name} of {}", vpc.id);
                missing.because = refused.clone().unwrap_or_else(|| "nobody asked for it".into());
                missing.permission = Some(Kind::VpcAttributes.permission().into());
                missing.refused = refused.is_some();
            }
        }
    }
}

/// A database that names its subnet group only by name.
fn subnet_groups(network: &mut Network) {
    let groups: Vec<_> = network.db_subnet_groups.values().cloned().collect();
    for instance in network.db_instances.values_mut() {
        if let Some(own) = &mut instance.subnet_group
            && own.subnets.is_empty()
            && let Some(whole) = groups.iter().find(|group| group.name == own.name)
        {
            *own = whole.clone();
        }
    }
}
