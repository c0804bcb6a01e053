//! Every kind of change, made in a real account (moto's) by the program's own hand and undone again: seen to be made,
//! seen to open what it opens, and the network afterwards equal to the one before.

#[path = "live/account.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod account;

use account::{Account, BOUND, World, client, settings, wait};
use serde_json::json;
use vivarium_checker::aws::change::{self, Consent, Writer, is_made};
use vivarium_checker::aws::live::{Failure, Scope, Start, read};
use vivarium_checker::network::{
    AclMatch, Change, IcmpMatch, Known, Network, NetworkAclEntry, Peer, PortSet, Protocol, ProtocolMatch,
    RouteDestination, RuleAction, SecurityGroupRule, Target,
};

struct Bench {
    account: Account,
    world: World,
}

impl Bench {
    fn start() -> Self {
        let account = Account::start();
        let world = account.world();
        Self { account, world }
    }

    fn network(&self) -> Network {
        let starts = ["vpc", "peer"].map(|name| Start::Vpc(self.world.id(name)));
        let starts = starts.into_iter().chain([Start::Database("mydb".to_owned())]).collect();
        let live = wait(read(&client(&self.account.endpoint, BOUND), &Scope { starts, details: false }));
        live.expect("it is read").network().0
    }

    fn writer(&self) -> Writer {
        let consent = Consent::beforehand(true).expect("a yes");
        Writer::new(settings(&self.account.endpoint, BOUND), consent).expect("a writer")
    }

    /// Makes the change, and gives what was allocated for it.
    fn make(&self, change: &Change) -> Option<String> {
        let writer = self.writer();
        let mut allocated = None;
        for call in change::make(change) {
            let call = allocated.as_deref().map_or(call.clone(), |id| call.clone().allocated(id));
            let said = wait(writer.say(&call)).unwrap_or_else(|refused| panic!("{change:?}: {refused}"));
            allocated = allocated.or(said.word("allocationId"));
        }
        allocated
    }

    fn undo(&self, change: &Change, allocated: Option<&str>) {
        let writer = self.writer();
        for call in change::undo(change, &self.network(), allocated).expect("calls") {
            wait(writer.say(&call)).unwrap_or_else(|refused| panic!("undoing {change:?}: {refused}"));
        }
    }

    /// Made, seen, undone, and as before.
    fn there_and_back(&self, change: &Change) -> Network {
        let before = self.network();
        assert_eq!(is_made(change, &before), Some(false), "{change:?}");
        let allocated = self.make(change);
        let after = self.network();
        assert_eq!(is_made(change, &after), Some(true), "{change:?}");
        self.undo(change, allocated.as_deref());
        assert_eq!(self.network(), before, "{change:?}");
        after
    }
}

fn rule(peer: Peer, port: u16) -> SecurityGroupRule {
    SecurityGroupRule {
        id: None,
        ip_protocol: ProtocolMatch::One(Protocol::Tcp),
        ports: PortSet::one(port),
        icmp: IcmpMatch::default(),
        peer,
        description: None,
    }
}

fn entry(number: u32, egress: bool, rule_action: RuleAction, ports: (u16, u16)) -> NetworkAclEntry {
    let matches = AclMatch {
        protocol: ProtocolMatch::One(Protocol::Tcp),
        cidr_block: "203.0.113.99/32".parse().expect("a block"),
        ports: PortSet::range(ports.0, ports.1),
        icmp: IcmpMatch::default(),
    };
    NetworkAclEntry { rule_number: number, egress, rule_action, matches: Known::Known(matches) }
}

// An account takes seconds to build: each of these serves several kinds of changes, one after another.

#[test]
fn filters_are_changed_and_put_back() {
    let bench = Bench::start();
    rules_of_groups_are_added_edited_and_put_back(&bench);
    entries_of_network_acls_are_added_replaced_removed_and_put_back(&bench);
}

#[test]
fn ways_are_changed_and_put_back() {
    let bench = Bench::start();
    routes_are_added_led_another_way_and_put_back(&bench);
    gateways_are_attached_and_detached(&bench);
    addresses_are_associated_and_new_ones_given_back(&bench);
    a_peering_connection_is_accepted_and_undoing_ends_it(&bench);
}

#[test]
fn what_is_off_is_switched_on_and_off_again() {
    let bench = Bench::start();
    instances_and_databases_are_started_and_stopped(&bench);
    switches_are_thrown_and_thrown_back(&bench);
}

fn rules_of_groups_are_added_edited_and_put_back(bench: &Bench) {
    let (web, db) = (bench.world.id("web_group"), bench.world.id("db_group"));
    let home = Peer::Cidr("203.0.113.99/32".parse().expect("a block"));
    let six = Peer::Cidr("2001:db8:1::/64".parse().expect("a block"));
    let group = Peer::Group {
        id: web.as_str().into(),
        account: None,
        vpc: None,
        peering: None,
        peering_status: None,
    };
    let list = Peer::PrefixList(bench.world.id("list").into());
    for (egress, peer) in [(false, home), (true, six), (false, group), (true, list)] {
        let rule = Box::new(rule(peer, 8022));
        bench.there_and_back(&Change::AddRule { group: db.as_str().into(), egress, rule });
    }
    let network = bench.network();
    let group =
        network.security_groups.get::<vivarium_checker::network::SecurityGroupId>(&web.as_str().into());
    let known = group.expect("the group").inbound.value().expect("its rules");
    let old =
        known.iter().find(|rule| rule.description.as_deref() == Some("home")).expect("the rule of home");
    assert!(old.id.is_some(), "{old:?}");
    let block = "203.0.113.99/32".parse().expect("a block");
    let by_id =
        Change::EditRule { group: web.as_str().into(), egress: false, rule: Box::new(old.clone()), block };
    bench.there_and_back(&by_id);
    // Where nobody may read the ids, the new rule is put in place of the old one: only its id is another then.
    let without = SecurityGroupRule { id: None, ..old.clone() };
    let replaced =
        Change::EditRule { group: web.as_str().into(), egress: false, rule: Box::new(without), block };
    let before = bench.network();
    bench.make(&replaced);
    assert_eq!(is_made(&replaced, &bench.network()), Some(true));
    bench.undo(&replaced, None);
    assert_eq!(without_ids(bench.network()), without_ids(before));
}

fn without_ids(mut network: Network) -> Network {
    for group in network.security_groups.values_mut() {
        for rules in [&mut group.inbound, &mut group.outbound] {
            if let Known::Known(rules) = rules {
                rules.iter_mut().for_each(|rule| rule.id = None);
            }
        }
    }
    network
}

fn entries_of_network_acls_are_added_replaced_removed_and_put_back(bench: &Bench) {
    let network = bench.network();
    let acl =
        network.network_acls.values().find(|acl| !acl.is_default).expect("an ACL of its own").id.clone();
    let added = entry(40, false, RuleAction::Allow, (22, 22));
    bench.there_and_back(&Change::AddEntry { acl: acl.clone(), entry: Box::new(added.clone()) });
    bench.make(&Change::AddEntry { acl: acl.clone(), entry: Box::new(added.clone()) });
    let wider = entry(40, false, RuleAction::Allow, (22, 65535));
    let (old, new) = (Box::new(added.clone()), Box::new(wider));
    bench.there_and_back(&Change::ReplaceEntry { acl: acl.clone(), old, new });
    bench.there_and_back(&Change::RemoveEntry { acl, entry: Box::new(added) });
}

fn routes_are_added_led_another_way_and_put_back(bench: &Bench) {
    let table: vivarium_checker::network::RouteTableId = bench.world.id("table").into();
    let destination = RouteDestination::Cidr("203.0.113.99/32".parse().expect("a block"));
    let target = Target::InternetGateway(bench.world.id("gateway").into());
    bench.there_and_back(&Change::AddRoute { table: table.clone(), destination, target: target.clone() });
    let network = bench.network();
    let routes = network.route_tables.get(&table).expect("the table").routes.value().expect("its routes");
    let to = Target::PeeringConnection(bench.world.id("peering").into());
    let old = routes.iter().find(|route| route.target == to).expect("a route through the peering").clone();
    bench.there_and_back(&Change::ReplaceRoute { table, old: Box::new(old), target });
}

fn gateways_are_attached_and_detached(bench: &Bench) {
    let (gateway, vpc) = (bench.account.build("loose_gateway"), bench.world.id("peer"));
    bench.there_and_back(&Change::AttachGateway { gateway: gateway.into(), vpc: vpc.into() });
}

fn instances_and_databases_are_started_and_stopped(bench: &Bench) {
    let instance = bench.world.id("other");
    let stopped = |change: &Change| {
        // As they are before somebody finds them stopped.
        bench.undo(change, None);
        bench.there_and_back(change);
    };
    stopped(&Change::StartInstance(instance.into()));
    stopped(&Change::StartDatabase("mydb".into()));
}

fn addresses_are_associated_and_new_ones_given_back(bench: &Bench) {
    let network = bench.network();
    let other: vivarium_checker::network::InstanceId = bench.world.id("other").into();
    let own = |row: &&vivarium_checker::network::NetworkInterface| row.instance() == Some(&other);
    let interface = network.network_interfaces.values().find(own).expect("its interface");
    let (id, private) = (interface.id.clone(), interface.primary().expect("an address").address);
    bench.there_and_back(&Change::Associate { allocation: None, interface: id.clone(), private });
    let spare: (String, String) =
        serde_json::from_str(&bench.account.build("spare_address")).expect("two words");
    let allocation = Some((spare.0.into(), spare.1.parse().expect("an address")));
    bench.there_and_back(&Change::Associate { allocation, interface: id, private });
}

fn switches_are_thrown_and_thrown_back(bench: &Bench) {
    let network = bench.network();
    let vpc = Change::EnableDnsSupport(bench.world.id("peer").into());
    bench.undo(&vpc, None);
    bench.there_and_back(&vpc);
    let interface = network.network_interfaces.values().find(|row| row.instance().is_some()).expect("one");
    bench.there_and_back(&Change::PassOn(interface.id.clone()));
    bench.there_and_back(&Change::Exclude(bench.world.id("private").into()));
}

fn a_peering_connection_is_accepted_and_undoing_ends_it(bench: &Bench) {
    let change = Change::AcceptPeering(bench.account.build("waiting_peering").into());
    let before = bench.network();
    assert_eq!(is_made(&change, &before), Some(false));
    bench.make(&change);
    assert_eq!(is_made(&change, &bench.network()), Some(true));
    bench.undo(&change, None);
    // What was accepted cannot wait again: it is gone, and leads nowhere as it did before.
    assert_ne!(is_made(&change, &bench.network()), Some(true));
}

#[test]
fn what_aws_refuses_is_named_with_its_hint() {
    let bench = Bench::start();
    let table = bench.world.id("table");
    let destination = RouteDestination::Cidr("0.0.0.0/0".parse().expect("a block"));
    let target = Target::InternetGateway(bench.world.id("gateway").into());
    let change = Change::AddRoute { table: table.as_str().into(), destination, target };
    let call = &change::make(&change)[0];
    let twice = wait(bench.writer().say(call)).expect_err("it is there");
    assert!(twice.is_there() && twice.hint().contains("made it meanwhile"), "{twice:?}");
    let (allow, deny) = (json!({"Effect": "Allow", "Action": "*", "Resource": "*"}), "ec2:CreateRoute");
    let deny = json!({"Effect": "Deny", "Action": deny, "Resource": "*"});
    bench.account.set("policy", &json!({"Statement": [allow, deny]}));
    let denied = wait(bench.writer().say(call)).expect_err("it is denied");
    assert!(matches!(denied.failure, Failure::Denied { .. }), "{denied:?}");
    assert!(denied.to_string().starts_with("ec2:CreateRoute is denied"), "{denied}");
    assert!(denied.hint().contains(r#""Action":"ec2:CreateRoute""#), "{}", denied.hint());
    bench.account.set("policy", &json!("everything"));
    bench.account.set("throttle", &json!({"action": "CreateRoute", "refuse": 1, "of": 2}));
    let waited = wait(bench.writer().say(call)).expect_err("it is there");
    assert!(waited.is_there(), "what is throttled is said again: {waited:?}");
}
