//! The far end of a connection: the instance with its addresses, the database with its certificate.

use std::collections::BTreeSet;

use super::{Changes, Moment};
use crate::network::{DbInstance, Instance, Known, Network, NetworkInterface};
use crate::targets;

/// One moment with its network.
type Side<'a> = (&'a Moment<'a>, &'a Network);

pub(super) fn compare(all: &mut Changes, then: Side, now: Side) {
    instances(all, then, now);
    if let (Some(was), Some(is)) = (database(then), database(now)) {
        databases(all, was, is);
    }
}

fn instance((moment, network): Side<'_>) -> Option<&Instance> {
    targets::instance(network, words(moment), moment.address.map(|address| address.ip()))
}

fn database((moment, network): Side<'_>) -> Option<&DbInstance> {
    targets::database(network, words(moment))
}

fn words<'a>(moment: &'a Moment) -> impl Iterator<Item = &'a str> {
    moment.trace.into_iter().map(|trace| trace.flow.to.as_str()).chain([moment.to])
}

fn instances(all: &mut Changes, then: Side, now: Side) {
    let Some(was) = instance(then) else { return };
    let is = instance(now);
    let id = |instance: Option<&Instance>| instance.map(|one| one.id.to_string());
    all.both("instance", "", id(Some(was)), id(is));
    // The same one, wherever the address leads now; one that is not there any more is told as gone.
    let (_, network) = now;
    let Some(same) = network.instances.get(&was.id) else {
        if network.instances.is_read() {
            all.put("instance", was.id.as_str(), Some("there".into()), None);
        }
        return;
    };
    let name = same.id.as_str();
    let state = |instance: &Instance| instance.state.value().map(ToString::to_string);
    all.both("state of the instance", name, state(was), state(same));
    let started = |instance: &Instance| instance.launch_time.map(|time| time.to_string());
    all.both("start of the instance", name, started(was), started(same));
    let (before, after) = (then.1, now.1);
    all.put("public address of", name, listed(&public(before, was)), listed(&public(after, same)));
    if before.addresses.is_read() && after.addresses.is_read() {
        all.put("Elastic IP of", name, listed(&elastic(before, was)), listed(&elastic(after, same)));
    }
}

fn interfaces<'a>(network: &'a Network, of: &'a Instance) -> impl Iterator<Item = &'a NetworkInterface> {
    network.network_interfaces.values().filter(|row| row.instance() == Some(&of.id))
}

fn public(network: &Network, of: &Instance) -> BTreeSet<String> {
    let rows = interfaces(network, of).flat_map(|row| &row.private_addresses);
    rows.filter_map(|row| row.public).map(|address| address.to_string()).collect()
}

fn elastic(network: &Network, of: &Instance) -> BTreeSet<String> {
    let public = public(network, of);
    let rows = network.addresses.values().filter(|row| row.association.is_some());
    rows.map(|row| row.public_ip.to_string()).filter(|address| public.contains(address)).collect()
}

fn listed(words: &BTreeSet<String>) -> Option<String> {
    (!words.is_empty()).then(|| words.iter().cloned().collect::<Vec<_>>().join(", "))
}

fn databases(all: &mut Changes, was: &DbInstance, is: &DbInstance) {
    let name = is.id.as_str();
    all.both("database", "", Some(was.id.to_string()), Some(is.id.to_string()));
    all.both("state of the database", name, was.status.value().cloned(), is.status.value().cloned());
    let endpoint = |row: &DbInstance| row.endpoint.as_ref().map(|(host, port)| format!("{host}:{port}"));
    all.put("endpoint of", name, endpoint(was), endpoint(is));
    all.both("certificate authority of", name, was.ca_certificate.clone(), is.ca_certificate.clone());
    let public = |row: &DbInstance| flag(&row.publicly_accessible);
    all.both("public access to", name, public(was), public(is));
    all.both("engine version of", name, was.engine_version.clone(), is.engine_version.clone());
    let iam = |row: &DbInstance| row.iam_authentication.map(on_or_off);
    all.both("IAM authentication of", name, iam(was), iam(is));
    let groups = |row: &DbInstance| listed(&row.parameter_groups.iter().cloned().collect());
    all.both("parameter group of", name, groups(was), groups(is));
}

fn flag(known: &Known<bool>) -> Option<String> {
    known.value().copied().map(on_or_off)
}

fn on_or_off(on: bool) -> String {
    if on { "on".into() } else { "off".into() }
}
