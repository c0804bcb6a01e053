//! Read live and read from what the AWS CLI prints: the same, field by field and noun by noun.

#[path = "live/account.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod account;

use std::collections::BTreeMap;

use account::{Account, BOUND, LONG_AGO, Told, World, client, every_field, wait};
use serde_json::{Value, json};
use vivarium_checker::aws::Documents;
use vivarium_checker::aws::live::{Action, Failure, Live, Scope, Start, read};
use vivarium_checker::network::{Kind, Network, Reading};

fn action(name: &str) -> Action {
    Action::all().find(|action| action.name() == name).expect("an action")
}

fn throttled() -> (u16, String) {
    let error = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message>\
        </Error></Errors></Response>";
    (503, error.to_owned())
}

fn subnets(ids: &str, token: &str) -> (u16, String) {
    let items: String = ids.split(' ').map(|id| format!("<item><subnetId>{id}</subnetId></item>")).collect();
    let body = format!(
        "<DescribeSubnetsResponse><subnetSet>{items}</subnetSet><nextToken>{token}</nextToken></DescribeSubnetsResponse>"
    );
    (200, body)
}

#[test]
fn every_field_that_aws_may_send_is_read_as_botocore_reads_it() {
    let names: Vec<_> = Action::all().map(Action::name).collect();
    for row in every_field(&names) {
        let (name, body) = (row["action"].as_str().expect("a name"), row["body"].as_str().expect("XML"));
        let told = Told::to_say([(200, body.to_owned())]);
        let answer = wait(client(&told.endpoint, BOUND).ask(action(name), &[])).expect("an answer");
        assert_eq!(answer, row["answer"], "{name}");
    }
}

#[test]
fn motos_answers_are_read_as_botocore_reads_them() {
    let account = Account::start();
    let World(world) = account.world();
    let client = client(&account.endpoint, BOUND);
    let answers = world["answers"].as_array().expect("a list");
    assert!(answers.len() >= 30, "{} answers", answers.len());
    wait(async {
        for row in answers {
            let parameters: BTreeMap<String, String> =
                serde_json::from_value(row["parameters"].clone()).expect("texts");
            let parameters: Vec<_> = parameters.into_iter().collect();
            let name = row["action"].as_str().expect("a name");
            let answer = client.ask(action(name), &parameters).await.expect("an answer");
            assert_eq!(lasting(answer), lasting(row["answer"].clone()), "{name}");
        }
    });
}

/// An answer without what is another at each asking: moto's databases can be restored up to this moment, and its
/// consoles were written at this one.
fn lasting(answer: Value) -> Value {
    match answer {
        Value::Object(fields) => {
            let kept =
                fields.into_iter().filter(|(name, _)| name != "LatestRestorableTime" && name != "Timestamp");
            Value::Object(kept.map(|(name, value)| (name, lasting(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(lasting).collect()),
        plain => plain,
    }
}

/// The network as the AWS CLI would have saved it, and as it is read live from its VPCs.
fn both(world: &World, live: &Live) -> (Network, Network) {
    let mut documents = Documents::new();
    for row in world.0["answers"].as_array().expect("a list") {
        let about = row["parameters"].to_string();
        documents.add(&format!("{} {about}", row["action"]), &row["answer"]);
    }
    (documents.finish().0, live.network().0)
}

fn read_vpcs(endpoint: &str, world: &World) -> Live {
    let starts = ["vpc", "peer"].map(|name| Start::Vpc(world.id(name)));
    let mut starts = starts.to_vec();
    starts.extend(["mydb", "second"].map(|name| Start::Database(name.to_owned())));
    starts.extend(["web", "other"].map(|name| Start::Instance(world.id(name))));
    let scope = Scope { starts, details: true };
    wait(read(&client(endpoint, BOUND), &scope)).expect("it is read")
}

#[test]
fn a_network_read_live_is_the_network_that_was_saved() {
    let account = Account::start();
    let world = account.world();
    let live = read_vpcs(&account.endpoint, &world);
    let (saved, live) = both(&world, &live);
    assert_eq!(live.vpcs, saved.vpcs);
    assert_eq!(live.subnets, saved.subnets);
    assert_eq!(live.route_tables, saved.route_tables);
    assert_eq!(live.internet_gateways, saved.internet_gateways);
    assert_eq!(live.network_acls, saved.network_acls);
    assert_eq!(live.security_groups, saved.security_groups);
    assert_eq!(live.network_interfaces, saved.network_interfaces);
    assert_eq!(live.instances, saved.instances);
    assert_eq!(live.addresses, saved.addresses);
    assert_eq!(live.nat_gateways, saved.nat_gateways);
    assert_eq!(live.peering_connections, saved.peering_connections);
    assert_eq!(live.vpc_endpoints, saved.vpc_endpoints);
    assert_eq!(live.prefix_lists, saved.prefix_lists);
    assert_eq!(live.transit_attachments, saved.transit_attachments);
    assert_eq!(live.transit_route_tables, saved.transit_route_tables);
    assert_eq!(live.db_instances, saved.db_instances);
    assert_eq!(live.db_subnet_groups, saved.db_subnet_groups);
    assert_eq!(live.block_public_access, saved.block_public_access);
    assert_eq!(live.instance_statuses, saved.instance_statuses);
    assert_eq!(live.console_outputs, saved.console_outputs);
    assert_eq!(live.key_pairs, saved.key_pairs);
    assert_eq!(live.db_events, saved.db_events);
    assert_eq!(live.db_parameter_groups, saved.db_parameter_groups);
    assert!(
        !live.instance_statuses.is_empty() && !live.console_outputs.is_empty() && !live.key_pairs.is_empty()
    );
    assert_eq!(live, saved, "there is a field that is not compared above");
}

#[test]
fn each_end_leads_to_its_vpc() {
    let account = Account::start();
    let world = account.world();
    let client = client(&account.endpoint, BOUND);
    let address = world.id("address").parse().expect("an address");
    for start in [
        Start::Instance(world.id("web")),
        Start::Name("web".to_owned()),
        Start::Database("mydb".to_owned()),
        Start::Endpoint("mydb.aaaaaaaaaa.eu-central-1.rds.amazonaws.com".to_owned()),
        Start::Address(address),
    ] {
        let scope = Scope { starts: vec![start.clone()], details: false };
        let live = wait(read(&client, &scope)).expect("it is read");
        assert_eq!(live.vpcs.into_iter().collect::<Vec<_>>(), [world.id("vpc")], "{start:?}");
    }
}

#[test]
fn an_end_that_is_not_there_is_named_and_nothing_else_is_asked_for() {
    let account = Account::start();
    let scope = Scope { starts: vec![Start::Instance("i-0123456789abcdef0".to_owned())], details: false };
    let live = wait(read(&client(&account.endpoint, BOUND), &scope)).expect("it is read");
    assert_eq!(live.absent, ["describe-instances i-0123456789abcdef0"]);
    assert!(live.documents.iter().all(|document| document.action != Action::DescribeVpcs), "{live:?}");
    assert!(live.network().0.instances.is_read());
}

fn deny(account: &Account, permission: &str) {
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let deny = json!({"Effect": "Deny", "Action": permission, "Resource": "*"});
    account.set("policy", &json!({"Statement": [allow, deny]}));
}

/// How a kind came to be read.
fn reading(network: &Network, kind: Kind) -> Option<&Reading> {
    Some(match kind {
        Kind::Vpcs => &network.vpcs.reading,
        Kind::Subnets => &network.subnets.reading,
        Kind::RouteTables => &network.route_tables.reading,
        Kind::InternetGateways => &network.internet_gateways.reading,
        Kind::NetworkAcls => &network.network_acls.reading,
        Kind::SecurityGroups => &network.security_groups.reading,
        Kind::NetworkInterfaces => &network.network_interfaces.reading,
        Kind::Instances => &network.instances.reading,
        Kind::Addresses => &network.addresses.reading,
        Kind::NatGateways => &network.nat_gateways.reading,
        Kind::VpcPeeringConnections => &network.peering_connections.reading,
        Kind::VpcEndpoints => &network.vpc_endpoints.reading,
        Kind::PrefixLists => &network.prefix_lists.reading,
        Kind::TransitGatewayAttachments => &network.transit_attachments.reading,
        Kind::TransitGatewayRouteTables => &network.transit_route_tables.reading,
        Kind::DbInstances => &network.db_instances.reading,
        Kind::DbSubnetGroups => &network.db_subnet_groups.reading,
        Kind::InstanceStatuses => &network.instance_statuses.reading,
        Kind::ConsoleOutput => &network.console_outputs.reading,
        Kind::KeyPairs => &network.key_pairs.reading,
        Kind::DbEvents => &network.db_events.reading,
        Kind::DbParameters => &network.db_parameter_groups.reading,
        _ => return None,
    })
}

#[test]
fn each_permission_that_is_missing_is_named_and_the_rest_is_read() {
    let account = Account::start();
    let world = account.world();
    let whole = read_vpcs(&account.endpoint, &world);
    let mut denied = 0;
    for action in Action::all().filter(|action| whole.documents.iter().any(|read| read.action == *action)) {
        if action == Action::GetCallerIdentity {
            continue; // AWS lets nobody forbid it.
        }
        denied += 1;
        deny(&account, &action.permission());
        let live = read_vpcs(&account.endpoint, &world);
        let mut refused =
            live.unread.iter().filter(|unread| matches!(unread.failure, Failure::Denied { .. }));
        assert!(refused.clone().count() > 0 && refused.all(|unread| unread.action == action), "{action:?}");
        let network = live.network().0;
        if let Some(Reading::NotRead { because, refused }) =
            action.shows().and_then(|kind| reading(&network, kind))
        {
            let wanted = format!(
                "{} is denied with an explicit deny in an identity-based policy",
                action.permission()
            );
            assert_eq!((because, *refused), (&wanted, true));
        } else {
            let shown = action.shows().is_some_and(|kind| reading(&network, kind).is_some());
            assert!(!shown, "{action:?} was denied, and what it shows is said to be read");
        }
    }
    assert!(denied >= 21, "{denied} permissions were denied");
}

#[test]
fn an_instance_that_may_not_be_described_is_found_by_its_interface() {
    let account = Account::start();
    let world = account.world();
    deny(&account, "ec2:DescribeInstances");
    let scope = Scope { starts: vec![Start::Instance(world.id("web"))], details: false };
    let live = wait(read(&client(&account.endpoint, BOUND), &scope)).expect("it is read");
    assert_eq!(live.vpcs.into_iter().collect::<Vec<_>>(), [world.id("vpc")]);
}

#[test]
fn throttling_is_waited_out() {
    let account = Account::start();
    let world = account.world();
    let whole = read_vpcs(&account.endpoint, &world);
    account.set("throttle", &json!({"refuse": 1, "of": 3}));
    let again = read_vpcs(&account.endpoint, &world);
    assert_eq!(again.vpcs, whole.vpcs);
    assert_eq!(again.network(), whole.network());
    assert_eq!((again.documents.len(), again.unread.len()), (whole.documents.len(), whole.unread.len()));
}

#[test]
fn throttling_that_does_not_end_is_said_and_ends() {
    let account = Account::start();
    account.set("throttle", &json!({"action": "DescribeVpcs", "refuse": 1, "of": 1}));
    let failure = wait(client(&account.endpoint, BOUND).ask(Action::DescribeVpcs, &[]));
    assert_eq!(failure, Err(Failure::Throttled));
}

#[test]
fn a_clock_that_is_wrong_is_told_from_credentials_that_have_expired() {
    let expired = "<Response><Errors><Error><Code>RequestExpired</Code><Message>Request has expired.</Message></Error>\
        </Errors></Response>";
    let told = Told::to_say([(LONG_AGO, expired.to_owned()), (403, expired.to_owned())]);
    let client = client(&told.endpoint, BOUND);
    let failure = wait(client.ask(Action::DescribeVpcs, &[]));
    assert!(matches!(failure, Err(Failure::ClockSkew(800_000_000..))), "{failure:?}");
    assert_eq!(wait(client.ask(Action::DescribeVpcs, &[])), Err(Failure::ExpiredCredentials));
}

#[test]
fn pages_are_put_together() {
    let told = Told::to_say([subnets("a b", "one+1"), throttled(), subnets("c", "two"), subnets("d", "")]);
    let answer = wait(client(&told.endpoint, BOUND).ask(Action::DescribeSubnets, &[])).expect("an answer");
    let ids: Vec<_> =
        answer["Subnets"].as_array().expect("a list").iter().map(|row| &row["SubnetId"]).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    assert_eq!(answer.get("NextToken"), None);
    let requests = told.requests();
    assert!(
        requests[2].contains("&NextToken=one%2B1") && requests[3].contains("&NextToken=two"),
        "{requests:?}"
    );
}

#[test]
fn pages_that_lead_in_a_circle_end() {
    let told = Told::to_say([subnets("a", "same"), subnets("b", "same")]);
    let failure = wait(client(&told.endpoint, BOUND).ask(Action::DescribeSubnets, &[]));
    assert!(matches!(failure, Err(Failure::Garbled(_))), "{failure:?}");
}

#[test]
fn questions_are_put_again_only_as_often_as_the_budget_allows() {
    let told = Told::to_say(std::iter::repeat_n(throttled(), 100));
    let client = client(&told.endpoint, BOUND);
    wait(async {
        for _ in 0..20 {
            let _ = client.ask(Action::DescribeSubnets, &[]).await;
        }
    });
    assert_eq!(told.requests().len(), 20 + 40);
}

#[test]
fn what_others_answer_in_place_of_aws_is_not_taken() {
    for (status, body) in [
        (200, "<html><body>Welcome to the hotel</body></html>"),
        (302, ""),
        (403, "Blocked by policy"),
        (
            200,
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><DescribeSubnetsResponse>&b;</DescribeSubnetsResponse>",
        ),
    ] {
        let told = Told::to_say([(status, body.to_owned())]);
        let failure = wait(client(&told.endpoint, BOUND).ask(Action::DescribeSubnets, &[]));
        assert!(matches!(failure, Err(Failure::Garbled(_))), "{body}: {failure:?}");
    }
}

#[test]
fn where_nobody_listens_is_said_once_for_all() {
    let scope = Scope { starts: vec![Start::Vpc("vpc-1".to_owned())], details: true };
    let failure = wait(read(&client("http://127.0.0.1:9", BOUND), &scope)).expect_err("nobody listens");
    assert!(matches!(failure, Failure::NotReached { .. }), "{failure:?}");
    assert!(failure.to_string().contains("127.0.0.1:9"), "{failure}");
}

#[test]
fn no_secret_is_said() {
    let told = Told::to_say([(
        401,
        "<Response><Errors><Error><Code>AuthFailure</Code><Message>no</Message></Error></Errors></Response>"
            .to_owned(),
    )]);
    let client = client(&told.endpoint, BOUND);
    let failure = wait(client.ask(Action::DescribeVpcs, &[])).expect_err("not accepted");
    assert!(matches!(failure, Failure::NotAccepted(_)), "{failure:?}");
    let said = format!("{client:?} {failure:?} {failure} {:?}", told.requests());
    assert!(!said.contains("planted-secret"), "{said}");
}
