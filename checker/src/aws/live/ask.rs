//! Decides what to ask next, by what is known: pure, so that it can be seen to ask for no more than a flow can meet.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::action::Action;
use super::scope::Start;
use crate::network::is_private;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) action: Action,
    /// What it is about, where the same action is asked about several things.
    pub(super) about: Option<String>,
    pub(super) parameters: Vec<(String, String)>,
}

type Ids = BTreeSet<String>;

impl Ask {
    fn all(action: Action) -> Self {
        Self { action, about: None, parameters: Vec::new() }
    }

    fn about(mut self, what: impl Into<String>) -> Self {
        self.about = Some(what.into());
        self
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.push((name.to_owned(), value.into()));
        self
    }

    /// EC2's lists: `VpcId.1`, `VpcId.2`.
    fn listing<'a>(self, name: &str, values: impl IntoIterator<Item = &'a String>) -> Self {
        let numbered = values.into_iter().enumerate();
        numbered.fold(self, |ask, (at, value)| ask.with(&format!("{name}.{}", at + 1), value))
    }

    /// EC2's filters: any of these values will do.
    fn filtered<'a>(self, name: &str, values: impl IntoIterator<Item = &'a String>) -> Self {
        let before = self.parameters.iter().filter(|(name, _)| name.ends_with(".Name")).count();
        let filter = format!("Filter.{}", before + 1);
        self.with(&format!("{filter}.Name"), name).listing(&format!("{filter}.Value"), values)
    }

    /// The same for things of these VPCs; for those of all where none is named.
    fn within(self, filter: &str, vpcs: &Ids) -> Self {
        if vpcs.is_empty() { self } else { self.filtered(filter, vpcs) }
    }
}

/// What finds the ends themselves, and by them their VPCs.
pub(super) fn first(start: &Start) -> Vec<Ask> {
    use Action::{DescribeDBInstances, DescribeInstances, DescribeNetworkInterfaces};
    match start {
        Start::Instance(id) => vec![
            Ask::all(DescribeInstances).about(id).listing("InstanceId", [id]),
            // Tells the VPC also to those who may not describe instances.
            Ask::all(DescribeNetworkInterfaces).about(id).filtered("attachment.instance-id", [id]),
        ],
        Start::Name(name) => vec![Ask::all(DescribeInstances).about(name).filtered("tag:Name", [name])],
        Start::Interface(id) => {
            vec![Ask::all(DescribeNetworkInterfaces).about(id).filtered("network-interface-id", [id])]
        }
        Start::Vpc(_) => Vec::new(),
        Start::Database(id) => {
            vec![Ask::all(DescribeDBInstances).about(id).with("DBInstanceIdentifier", id)]
        }
        Start::Endpoint(host) => vec![database_at(host)],
        Start::Address(address) => interfaces_at(*address),
    }
}

/// The first label of an endpoint is the identifier, unless it is one of a cluster or a proxy.
fn database_at(host: &str) -> Ask {
    let mut labels = host.split('.');
    let (id, next) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    let all = Ask::all(Action::DescribeDBInstances).about(host);
    let is_instance = !next.starts_with("cluster-") && !next.starts_with("proxy-");
    if is_instance { all.with("DBInstanceIdentifier", id) } else { all }
}

/// Filters must all hold, so that a private and a public address take two questions.
fn interfaces_at(address: IpAddr) -> Vec<Ask> {
    let filters: &[&str] = match address {
        IpAddr::V4(_) => &["addresses.private-ip-address", "association.public-ip"],
        IpAddr::V6(_) => &["ipv6-addresses.ipv6-address"],
    };
    let value = address.to_string();
    let ask = |filter: &&str| {
        Ask::all(Action::DescribeNetworkInterfaces)
            .about(format!("{filter} {value}"))
            .filtered(filter, [&value])
    };
    // An Elastic IP address that stands for nothing is in no VPC, and is the answer all the same.
    let spare = Ask::all(Action::DescribeAddresses).about(&value).filtered("public-ip", [&value]);
    let spare = (address.is_ipv4() && !is_private(address)).then_some(spare);
    filters.iter().map(ask).chain(spare).collect()
}

/// What every flow in these VPCs can meet; in all VPCs of the Region where none is named.
pub(super) fn within(vpcs: &Ids) -> Vec<Ask> {
    let of_vpc = |action| Ask::all(action).within("vpc-id", vpcs);
    let mut asks = vec![
        of_vpc(Action::DescribeVpcs),
        of_vpc(Action::DescribeSubnets),
        of_vpc(Action::DescribeRouteTables),
        of_vpc(Action::DescribeNetworkAcls),
        of_vpc(Action::DescribeSecurityGroups),
        of_vpc(Action::DescribeNetworkInterfaces),
        of_vpc(Action::DescribeInstances),
        of_vpc(Action::DescribeNatGateways),
        of_vpc(Action::DescribeVpcEndpoints),
        of_vpc(Action::DescribeInstanceConnectEndpoints),
        // A Region has few, and one that is attached to nothing is a fix.
        Ask::all(Action::DescribeInternetGateways),
        Ask::all(Action::DescribeAddresses),
        Ask::all(Action::DescribeEgressOnlyInternetGateways),
        Ask::all(Action::DescribeVpcBlockPublicAccessOptions),
        Ask::all(Action::DescribeVpcBlockPublicAccessExclusions),
    ];
    asks.extend(["requester", "accepter"].map(|side| {
        Ask::all(Action::DescribeVpcPeeringConnections)
            .about(side)
            .within(&format!("{side}-vpc-info.vpc-id"), vpcs)
    }));
    asks
}

/// What the resolver of each VPC does.
pub(super) fn attributes(vpcs: &Ids) -> Vec<Ask> {
    let attributes = ["enableDnsSupport", "enableDnsHostnames"];
    let ask = |vpc: &String, attribute: &str| {
        Ask::all(Action::DescribeVpcAttribute)
            .about(format!("{vpc} {attribute}"))
            .with("VpcId", vpc)
            .with("Attribute", attribute)
    };
    vpcs.iter().flat_map(|vpc| attributes.map(|attribute| ask(vpc, attribute))).collect()
}

/// EC2 takes so many values in one filter.
const VALUES_A_FILTER: usize = 200;

/// What the things that were read refer to: the ids of rules, prefix lists, transit gateways, subnet groups of
/// databases.
pub(super) fn referred<'a>(answers: impl Iterator<Item = (Action, &'a Value)>) -> Vec<Ask> {
    let (mut lists, mut gateways, mut groups) = (Ids::new(), Ids::new(), Ids::new());
    let (mut routed, mut attached) = (Ids::new(), Ids::new());
    let mut filters = Vec::new();
    for (action, answer) in answers {
        match action {
            Action::DescribeRouteTables => {
                gather(answer, "DestinationPrefixListId", &mut lists);
                gather(answer, "TransitGatewayId", &mut gateways);
                gather(answer, "GatewayId", &mut routed);
            }
            Action::DescribeInternetGateways => gather(answer, "InternetGatewayId", &mut attached),
            Action::DescribeSecurityGroups => {
                gather(answer, "PrefixListId", &mut lists);
                filters.extend(rows(answer, "SecurityGroups", "GroupId"));
            }
            Action::DescribeDBInstances => gather(answer, "DBSubnetGroupName", &mut groups),
            _ => {}
        }
    }
    let mut asks = prefix_lists(&lists);
    asks.extend(rules(&filters));
    asks.extend(transit_gateways(&gateways));
    asks.extend(detached_gateways(&routed, &attached));
    asks.extend(
        groups
            .iter()
            .map(|name| Ask::all(Action::DescribeDBSubnetGroups).about(name).with("DBSubnetGroupName", name)),
    );
    asks
}

/// The same rules again, but with their ids, by which one can be edited.
fn rules(groups: &[String]) -> Vec<Ask> {
    let of = |groups: &[String]| {
        let ask = Ask::all(Action::DescribeSecurityGroupRules).filtered("group-id", groups);
        Some(ask.about(groups.first()?))
    };
    groups.chunks(VALUES_A_FILTER).filter_map(of).collect()
}

/// A gateway that routes lead to and that is attached to none of the VPCs: it was detached, or is gone.
fn detached_gateways(routed: &Ids, attached: &Ids) -> Option<Ask> {
    let detached: Ids = routed.difference(attached).filter(|id| id.starts_with("igw-")).cloned().collect();
    let ask = || Ask::all(Action::DescribeInternetGateways).about("detached");
    (!detached.is_empty()).then(|| ask().filtered("internet-gateway-id", &detached))
}

fn prefix_lists(lists: &Ids) -> Vec<Ask> {
    if lists.is_empty() {
        return Vec::new();
    }
    let entries =
        |id: &String| Ask::all(Action::GetManagedPrefixListEntries).about(id).with("PrefixListId", id);
    let all = Ask::all(Action::DescribeManagedPrefixLists).listing("PrefixListId", lists);
    std::iter::once(all).chain(lists.iter().map(entries)).collect()
}

fn transit_gateways(gateways: &Ids) -> Vec<Ask> {
    if gateways.is_empty() {
        return Vec::new();
    }
    [Action::DescribeTransitGatewayAttachments, Action::DescribeTransitGatewayVpcAttachments]
        .map(|action| Ask::all(action).filtered("transit-gateway-id", gateways))
        .into()
}

/// Where the tables of transit gateways lead, once it is known which tables there are.
pub(super) fn transit_routes<'a>(answers: impl Iterator<Item = (Action, &'a Value)>) -> Vec<Ask> {
    let mut tables = Ids::new();
    for (action, answer) in answers {
        if action == Action::DescribeTransitGatewayAttachments {
            gather(answer, "TransitGatewayRouteTableId", &mut tables);
        }
    }
    let states = ["active".to_owned(), "blackhole".to_owned()];
    let ask = |table: &String| {
        Ask::all(Action::SearchTransitGatewayRoutes)
            .about(table)
            .with("TransitGatewayRouteTableId", table)
            .filtered("state", &states)
    };
    tables.iter().map(ask).collect()
}

/// The instances and databases at the ends, as far as the first answers tell them.
pub(super) struct Ends {
    instances: Ids,
    databases: Ids,
}

impl Ends {
    /// Of the answers about the ends themselves.
    pub(super) fn of<'a>(answers: impl Iterator<Item = (Action, &'a Value)>) -> Self {
        let mut ends = Self { instances: Ids::new(), databases: Ids::new() };
        for (action, answer) in answers {
            match action {
                Action::DescribeInstances | Action::DescribeNetworkInterfaces => {
                    gather(answer, "InstanceId", &mut ends.instances);
                }
                Action::DescribeDBInstances => {
                    gather(answer, "DBInstanceIdentifier", &mut ends.databases);
                }
                _ => {}
            }
        }
        ends
    }

    /// What explains them where they are reached and do not answer.
    pub(super) fn details(&self) -> Vec<Ask> {
        of_instances(&self.instances).chain(of_databases(&self.databases)).collect()
    }

    /// What their own rows refer to: key pairs, groups of parameters.
    pub(super) fn referred<'a>(&self, answers: impl Iterator<Item = (Action, &'a Value)>) -> Vec<Ask> {
        let (mut keys, mut parameters) = (Ids::new(), Ids::new());
        for (action, answer) in answers {
            match action {
                Action::DescribeInstances => self.key_names(answer, &mut keys),
                Action::DescribeDBInstances if !self.databases.is_empty() => {
                    gather(answer, "DBParameterGroupName", &mut parameters);
                }
                _ => {}
            }
        }
        let pairs = (!keys.is_empty()).then(|| {
            Ask::all(Action::DescribeKeyPairs).filtered("key-name", &keys).with("IncludePublicKey", "true")
        });
        let values = |name: &String| {
            Ask::all(Action::DescribeDBParameters).about(name).with("DBParameterGroupName", name)
        };
        pairs.into_iter().chain(parameters.iter().map(values)).collect()
    }

    fn key_names(&self, answer: &Value, keys: &mut Ids) {
        match answer {
            Value::Array(rows) => rows.iter().for_each(|row| self.key_names(row, keys)),
            Value::Object(fields) => {
                let id = fields.get("InstanceId").and_then(Value::as_str);
                if id.is_some_and(|id| self.instances.contains(id)) {
                    keys.extend(fields.get("KeyName").and_then(Value::as_str).map(str::to_owned));
                } else {
                    fields.values().for_each(|value| self.key_names(value, keys));
                }
            }
            _ => {}
        }
    }
}

fn of_instances(instances: &Ids) -> impl Iterator<Item = Ask> {
    let status = (!instances.is_empty()).then(|| {
        Ask::all(Action::DescribeInstanceStatus)
            .with("IncludeAllInstances", "true")
            .listing("InstanceId", instances)
    });
    let console = |id: &String| Ask::all(Action::GetConsoleOutput).about(id).with("InstanceId", id);
    status.into_iter().chain(instances.iter().map(console))
}

fn of_databases(databases: &Ids) -> impl Iterator<Item = Ask> {
    const A_WEEK_IN_MINUTES: &str = "10080";
    databases.iter().map(|id| {
        Ask::all(Action::DescribeEvents)
            .about(id)
            .with("SourceType", "db-instance")
            .with("SourceIdentifier", id)
            .with("Duration", A_WEEK_IN_MINUTES)
    })
}

/// The texts under this name in the rows of a list.
fn rows(answer: &Value, list: &str, name: &str) -> Vec<String> {
    let rows = answer.get(list).and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| Some(row.get(name)?.as_str()?.to_owned())).collect()
}

/// The texts under this name, however deep.
pub(super) fn gather(value: &Value, name: &str, found: &mut Ids) {
    match value {
        Value::Array(rows) => rows.iter().for_each(|row| gather(row, name, found)),
        Value::Object(fields) => {
            found.extend(fields.get(name).and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| gather(value, name, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ids(words: &[&str]) -> Ids {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn said(ask: &Ask) -> String {
        let pairs = ask.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
        format!("{}{}", ask.action.name(), pairs.collect::<String>())
    }

    #[test]
    fn an_instance_is_found_even_by_those_who_may_not_describe_instances() {
        let asks: Vec<_> = first(&Start::Instance("i-1".into())).iter().map(said).collect();
        assert_eq!(
            asks,
            [
                "DescribeInstances InstanceId.1=i-1",
                "DescribeNetworkInterfaces Filter.1.Name=attachment.instance-id Filter.1.Value.1=i-1",
            ]
        );
    }

    #[test]
    fn an_endpoint_of_an_instance_names_it_and_one_of_a_cluster_does_not() {
        let ask = |host: &str| said(&first(&Start::Endpoint(host.into()))[0]);
        assert_eq!(
            ask("mydb.abc.eu-central-1.rds.amazonaws.com"),
            "DescribeDBInstances DBInstanceIdentifier=mydb"
        );
        assert_eq!(ask("mydb.cluster-abc.eu-central-1.rds.amazonaws.com"), "DescribeDBInstances");
    }

    #[test]
    fn an_address_is_looked_for_as_a_private_and_as_a_public_one() {
        assert_eq!(first(&Start::Address("10.0.0.1".parse().expect("an address"))).len(), 2);
        assert_eq!(first(&Start::Address("198.51.100.20".parse().expect("an address"))).len(), 3);
        assert_eq!(first(&Start::Address("2001:db8::1".parse().expect("an address"))).len(), 1);
    }

    #[test]
    fn only_things_of_the_vpcs_are_asked_for() {
        let asks = within(&ids(&["vpc-1", "vpc-2"]));
        let subnets = asks.iter().find(|ask| ask.action == Action::DescribeSubnets).expect("subnets");
        assert_eq!(
            said(subnets),
            "DescribeSubnets Filter.1.Name=vpc-id Filter.1.Value.1=vpc-1 Filter.1.Value.2=vpc-2"
        );
        assert!(within(&Ids::new()).iter().all(|ask| ask.parameters.is_empty()));
    }

    #[test]
    fn the_ids_of_rules_are_asked_for_by_group_and_no_filter_is_too_long() {
        let groups: Vec<Value> = (0..201)
            .map(|number| {
                json!({"GroupId": format!("sg-{number:03}"),
            "IpPermissions": [{"UserIdGroupPairs": [{"GroupId": "sg-else"}]}]})
            })
            .collect();
        let answer = json!({"SecurityGroups": groups});
        let asks = referred([(Action::DescribeSecurityGroups, &answer)].into_iter());
        assert_eq!(asks.len(), 2);
        assert_eq!(
            said(&asks[1]),
            "DescribeSecurityGroupRules Filter.1.Name=group-id Filter.1.Value.1=sg-200"
        );
    }

    #[test]
    fn of_the_ends_alone_is_asked_what_explains_them() {
        let interface = json!({"NetworkInterfaces": [{"Attachment": {"InstanceId": "i-1"}}]});
        let ends = Ends::of([(Action::DescribeNetworkInterfaces, &interface)].into_iter());
        let asks: Vec<_> = ends.details().iter().map(said).collect();
        assert_eq!(
            asks,
            [
                "DescribeInstanceStatus IncludeAllInstances=true InstanceId.1=i-1",
                "GetConsoleOutput InstanceId=i-1",
            ]
        );
        let all = json!({"Reservations": [{"Instances": [{"InstanceId": "i-1", "KeyName": "own"},
            {"InstanceId": "i-2", "KeyName": "other"}]}]});
        let asks: Vec<_> =
            ends.referred([(Action::DescribeInstances, &all)].into_iter()).iter().map(said).collect();
        let wanted = "DescribeKeyPairs Filter.1.Name=key-name Filter.1.Value.1=own IncludePublicKey=true";
        assert_eq!(asks, [wanted]);
    }

    #[test]
    fn what_nothing_refers_to_is_not_asked_for() {
        let tables = json!({"RouteTables": [{"Routes": [{"GatewayId": "local"}]}]});
        assert_eq!(referred([(Action::DescribeRouteTables, &tables)].into_iter()), []);
        let tables = json!({"RouteTables": [{"Routes": [{"DestinationPrefixListId": "pl-1",
            "TransitGatewayId": "tgw-1"}]}]});
        let asks: Vec<_> =
            referred([(Action::DescribeRouteTables, &tables)].into_iter()).iter().map(said).collect();
        assert_eq!(
            asks,
            [
                "DescribeManagedPrefixLists PrefixListId.1=pl-1",
                "GetManagedPrefixListEntries PrefixListId=pl-1",
                "DescribeTransitGatewayAttachments Filter.1.Name=transit-gateway-id Filter.1.Value.1=tgw-1",
                "DescribeTransitGatewayVpcAttachments Filter.1.Name=transit-gateway-id Filter.1.Value.1=tgw-1",
            ]
        );
    }
}
