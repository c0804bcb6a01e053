//! What explains a machine or a database that can be reached and does not answer.

use super::{Documents, console};
use crate::aws::row::Row;
use crate::network::{
    DbEvent, DbInstanceId, DbParameterGroup, InstanceId, InstanceStatus, KeyPair, Kind, ScheduledEvent,
};

pub(super) fn instance_status(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<InstanceId>("InstanceId") else {
        return row.note("an instance's status without InstanceId was passed over");
    };
    let status = InstanceStatus {
        id: id.clone(),
        system: row.within("SystemStatus").string("Status"),
        instance: row.within("InstanceStatus").string("Status"),
        events: row.rows("Events").filter_map(event).collect(),
    };
    documents.network.instance_statuses.insert(id, status);
}

fn event(row: Row<'_>) -> Option<ScheduledEvent> {
    let (code, description) = (row.string("Code")?, row.string("Description"));
    Some(ScheduledEvent { code, description, not_before: row.time("NotBefore") })
}

/// `get-console-output` answers with the words of one instance, which may have said nothing yet.
pub(super) fn console_output(documents: &mut Documents, row: Row<'_>) -> bool {
    let Some(id) = row.id::<InstanceId>("InstanceId") else { return false };
    if !row.has("Output") && !row.has("Timestamp") {
        return false;
    }
    documents.read.insert(Kind::ConsoleOutput);
    let output = console::read(id.clone(), row.text("Output").unwrap_or_default());
    documents.network.console_outputs.insert(id, output);
    true
}

pub(super) fn key_pair(documents: &mut Documents, row: Row<'_>) {
    let Some(name) = row.string("KeyName") else {
        return row.note("a key pair without KeyName was passed over");
    };
    let (fingerprint, public_key) = (row.string("KeyFingerprint"), row.string("PublicKey"));
    documents.network.key_pairs.insert(name.clone(), KeyPair { name, fingerprint, public_key });
}

/// Events of databases; RDS has others, of snapshots and groups.
pub(super) fn db_event(documents: &mut Documents, row: Row<'_>) {
    if row.text("SourceType").is_some_and(|kind| kind != "db-instance") {
        return;
    }
    let (Some(database), Some(message)) = (row.id::<DbInstanceId>("SourceIdentifier"), row.string("Message"))
    else {
        return row.note("an event without SourceIdentifier or Message was passed over");
    };
    let event = DbEvent { date: row.time("Date"), database: database.clone(), message };
    match documents.network.db_events.get_mut(&database) {
        Some(events) => events.push(event),
        None => drop(documents.network.db_events.insert(database, vec![event])),
    }
}

/// A parameter does not say of which group it is: whose answer it stands in, its source says.
pub(super) fn db_parameter(documents: &mut Documents, row: Row<'_>) {
    if row.text("ParameterName") == Some("rds.force_ssl") {
        let value = row.text("ParameterValue").and_then(|value| match value {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        });
        documents.parameters.push((row.source().to_owned(), value));
    }
}

/// Which group an answer about parameters is of: the one that its source names, or the only one there is.
pub(super) fn parameters_of_groups(documents: &mut Documents) {
    let answers = std::mem::take(&mut documents.parameters);
    let network = &mut documents.network;
    let mut groups: Vec<String> =
        network.db_instances.values().flat_map(|row| row.parameter_groups.iter().cloned()).collect();
    groups.sort();
    groups.dedup();
    for name in &groups {
        let named = answers.iter().find(|(source, _)| plain(source).contains(&plain(name)));
        let only = answers.first().filter(|_| answers.len() == 1 && groups.len() == 1);
        if let Some((_, force_ssl)) = named.or(only) {
            let group = DbParameterGroup { name: name.clone(), force_ssl: *force_ssl };
            network.db_parameter_groups.insert(name.clone(), group);
        }
    }
    for events in network.db_events.values_mut() {
        events.sort();
        events.dedup();
    }
}

/// The letters alone: a file's name has not all that a group's has.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}
