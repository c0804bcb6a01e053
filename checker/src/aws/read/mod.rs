//! Takes answers of AWS, one document at a time and in any order, and makes a network of them. An answer is known
//! by its top-level keys. Where its bytes come from is the caller's.

mod access;
mod answer;
mod condition;
mod console;
mod database;
mod filter;
mod gateway;
mod host;
mod host_keys;
mod join;
mod propagation;
mod route;
mod stream;
mod transit;

pub(crate) use console::telling_lines;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::answer::Answer;
use super::row::Row;
use crate::network::{
    Exclusion, Kind, Known, Network, NetworkInterface, Reading, SecurityGroupId, SecurityGroupRule, VpcId,
};

/// Answers that were read so far.
#[derive(Default)]
pub struct Documents {
    network: Network,
    read: BTreeSet<Kind>,
    refused: BTreeMap<Kind, String>,
    /// Interfaces as the instances' answers repeat them: second to what describe-network-interfaces says.
    repeated: Vec<NetworkInterface>,
    /// Rules of describe-security-group-rules: group, whether outbound, rule.
    rules: Vec<(SecurityGroupId, bool, SecurityGroupRule)>,
    dns_support: BTreeMap<VpcId, bool>,
    dns_hostnames: BTreeMap<VpcId, bool>,
    exclusions: Vec<Exclusion>,
    /// `rds.force_ssl` as each answer about parameters has it, by its source.
    parameters: Vec<(String, Option<bool>)>,
    /// Rows that tell nothing of a thing but that it is there: they count where nothing else tells of it.
    mentions: Vec<(String, &'static Answer, Value)>,
    notes: RefCell<Vec<String>>,
}

/// Answers within answers are looked for this deep: somebody's script may have bundled them under names.
const DEEPEST: usize = 4;

impl Documents {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an answer. `source` is the file or call, for messages. Says whether it was one.
    pub fn add(&mut self, source: &str, document: &Value) -> bool {
        let taken = self.take(source, document, 0);
        if !taken {
            self.pass_over(source);
        }
        taken
    }

    fn pass_over(&self, source: &str) {
        self.note(format!("{source}: passed over, as it is no answer that speaks of a network"));
    }

    /// Notes that AWS refused to tell about a kind.
    pub fn refuse(&mut self, kind: Kind, because: impl Into<String>) {
        self.refused.insert(kind, because.into());
    }

    /// Notes something for whoever wonders what was read.
    pub fn note(&self, text: String) {
        self.notes.borrow_mut().push(text);
    }

    /// Whether no answer was taken yet.
    pub fn is_empty(&self) -> bool {
        self.read.is_empty() && self.dns_support.is_empty() && self.dns_hostnames.is_empty()
    }

    /// The network that the answers tell of, and what was passed over.
    pub fn finish(mut self) -> (Network, Vec<String>) {
        self.take_mentions();
        join::together(&mut self);
        self.say_what_was_read();
        (self.network, self.notes.into_inner())
    }

    fn take(&mut self, source: &str, document: &Value, depth: usize) -> bool {
        match document {
            Value::Object(answer) => {
                if let Some(of) = answer::of_row(document) {
                    self.take_rows(source, of, std::slice::from_ref(document));
                    return true;
                }
                let mut taken = false;
                for (of, rows) in answer::within(answer, depth) {
                    taken = true;
                    self.take_rows(source, of, rows);
                }
                taken |= self.take_special(source, document);
                // Only an object that is no answer itself can be a bundle of some.
                taken || (depth < DEEPEST && self.take_all(source, answer.values(), depth))
            }
            Value::Array(pages) => depth < DEEPEST && self.take_all(source, pages.iter(), depth),
            _ => false,
        }
    }

    fn take_all<'v>(&mut self, source: &str, values: impl Iterator<Item = &'v Value>, depth: usize) -> bool {
        // All of them, also after the first that is one.
        values.map(|value| self.take(source, value, depth + 1)).filter(|taken| *taken).count() > 0
    }

    fn take_rows(&mut self, source: &str, answer: &'static Answer, rows: &[Value]) {
        self.read.insert(answer.kind);
        let notes = RefCell::default();
        for row in rows {
            if !row.is_object() {
                self.note(format!("{source}: {} holds something that is not an object", answer.key));
            } else if answer.is_told_by(row) {
                (answer.reader)(self, Row::new(row, source, answer.kind, &notes));
            } else {
                self.mentions.push((source.to_owned(), answer, row.clone()));
            }
        }
        self.notes.borrow_mut().append(&mut notes.into_inner());
    }

    /// What is only mentioned counts where no answer tells of it.
    fn take_mentions(&mut self) {
        for (source, answer, row) in std::mem::take(&mut self.mentions) {
            let known = row.get(answer.id).and_then(Value::as_str);
            if known.is_none_or(|id| !self.knows(answer.kind, id)) {
                let notes = RefCell::default();
                (answer.reader)(self, Row::new(&row, &source, answer.kind, &notes));
                self.notes.borrow_mut().append(&mut notes.into_inner());
            }
        }
    }

    fn knows(&self, kind: Kind, id: &str) -> bool {
        let network = &self.network;
        match kind {
            Kind::Vpcs => network.vpcs.get(&id.into()).is_some(),
            Kind::Subnets => network.subnets.get(&id.into()).is_some(),
            Kind::RouteTables => network.route_tables.get(&id.into()).is_some(),
            Kind::InternetGateways => network.internet_gateways.get(&id.into()).is_some(),
            Kind::NetworkAcls => network.network_acls.get(&id.into()).is_some(),
            Kind::SecurityGroups => network.security_groups.get(&id.into()).is_some(),
            Kind::NetworkInterfaces => network.network_interfaces.get(&id.into()).is_some(),
            Kind::Instances => network.instances.get(&id.into()).is_some(),
            Kind::NatGateways => network.nat_gateways.get(&id.into()).is_some(),
            Kind::Addresses => {
                id.parse().is_ok_and(|ip: std::net::IpAddr| network.addresses.get(&ip).is_some())
            }
            Kind::VpcPeeringConnections => network.peering_connections.get(&id.into()).is_some(),
            Kind::VpcEndpoints => network.vpc_endpoints.get(&id.into()).is_some(),
            Kind::DbInstances => network.db_instances.get(&id.into()).is_some(),
            Kind::DbClusters => network.db_clusters.get(id).is_some(),
            // Of these, what several answers tell is brought together as they come.
            _ => false,
        }
    }

    /// Answers that are not lists of things under the things' name.
    fn take_special(&mut self, source: &str, document: &Value) -> bool {
        let notes = RefCell::default();
        let row = |kind| Row::new(document, source, kind, &notes);
        let taken = [
            access::options(self, row(Kind::BlockPublicAccess)),
            host::vpc_attribute(self, row(Kind::VpcAttributes)),
            condition::console_output(self, row(Kind::ConsoleOutput)),
            route::prefix_list_entries(self, row(Kind::PrefixListEntries), source),
            transit::routes(self, row(Kind::TransitGatewayRouteTables), source),
            propagation::propagations(self, row(Kind::TransitGatewayRouteTables), source),
        ];
        self.notes.borrow_mut().append(&mut notes.into_inner());
        taken.contains(&true)
    }

    fn say_what_was_read(&mut self) {
        let reading = |kind: Kind| {
            if let Some(because) = self.refused.get(&kind) {
                Reading::NotRead { because: because.clone(), refused: true }
            } else if self.read.contains(&kind) {
                Reading::Read
            } else {
                Reading::NotRead { because: format!("no answer about {kind} was given"), refused: false }
            }
        };
        let network = &mut self.network;
        network.vpcs.reading = reading(Kind::Vpcs);
        network.subnets.reading = reading(Kind::Subnets);
        network.route_tables.reading = reading(Kind::RouteTables);
        network.internet_gateways.reading = reading(Kind::InternetGateways);
        network.network_acls.reading = reading(Kind::NetworkAcls);
        network.security_groups.reading = reading(Kind::SecurityGroups);
        network.network_interfaces.reading = reading(Kind::NetworkInterfaces);
        network.instances.reading = reading(Kind::Instances);
        network.addresses.reading = reading(Kind::Addresses);
        network.nat_gateways.reading = reading(Kind::NatGateways);
        network.peering_connections.reading = reading(Kind::VpcPeeringConnections);
        network.vpc_endpoints.reading = reading(Kind::VpcEndpoints);
        network.prefix_lists.reading = reading(Kind::PrefixLists);
        network.transit_attachments.reading = reading(Kind::TransitGatewayAttachments);
        network.transit_route_tables.reading = reading(Kind::TransitGatewayRouteTables);
        network.transit_gateways.reading = reading(Kind::TransitGateways);
        network.db_instances.reading = reading(Kind::DbInstances);
        network.db_clusters.reading = reading(Kind::DbClusters);
        network.db_subnet_groups.reading = reading(Kind::DbSubnetGroups);
        network.instance_statuses.reading = reading(Kind::InstanceStatuses);
        network.console_outputs.reading = reading(Kind::ConsoleOutput);
        network.key_pairs.reading = reading(Kind::KeyPairs);
        network.db_events.reading = reading(Kind::DbEvents);
        network.db_parameter_groups.reading = reading(Kind::DbParameters);
        if network.block_public_access.value().is_none() {
            let missing = reading(Kind::BlockPublicAccess).missing(Kind::BlockPublicAccess);
            network.block_public_access = Known::Unknown(missing);
        }
        if let Known::Known(access) = &mut network.block_public_access {
            let kind = Kind::BlockPublicAccessExclusions;
            access.exclusions = match reading(kind) {
                Reading::Read => Known::Known(std::mem::take(&mut self.exclusions)),
                unread @ Reading::NotRead { .. } => Known::Unknown(unread.missing(kind)),
            };
        }
    }
}

/// The first word of a text that is an id of this kind: `pl-0abc` of `lists/pl-0abc.json`.
fn id_in(text: &str, prefix: &str) -> Option<String> {
    let start = text.match_indices(prefix).map(|(start, _)| start).find(|start| {
        text[..*start].chars().next_back().is_none_or(|before| !before.is_ascii_alphanumeric())
    })?;
    let rest = &text[start + prefix.len()..];
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    (length > 0).then(|| text[start..start + prefix.len() + length].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_a_file_name_but_not_in_the_middle_of_a_word() {
        assert_eq!(id_in("lists/pl-0abc12.json", "pl-").as_deref(), Some("pl-0abc12"));
        assert_eq!(id_in("tpl-0abc.json", "pl-"), None);
        assert_eq!(id_in("entries_pl-63a5400a", "pl-").as_deref(), Some("pl-63a5400a"));
        assert_eq!(id_in("pl-", "pl-"), None);
    }
}
