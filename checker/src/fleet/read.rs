//! From the answers of EC2 and Systems Manager to nouns. What instances wrote is taken for text that anybody may have
//! written.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::names;

/// An instance as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its Name tag.
    pub name: Option<String>,
    /// `running`, `stopped`.
    pub state: String,
}

/// Whether Systems Manager hears of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// `Online`, `ConnectionLost`, `Inactive`.
    pub status: String,
    /// When it was heard of last.
    pub last: Option<Timestamp>,
    /// What the host calls itself.
    pub host: Option<String>,
    /// Whether one of the associations on it failed.
    pub association_failed: bool,
}

/// The newest run that an instance reported to inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is an attribute of the report, under its own name")]
pub struct Run {
    pub run: String,
    pub verdict: String,
    pub exit_code: String,
    pub caller: String,
    pub ended: String,
    pub checked_at: String,
    pub agent_version: String,
    pub failed_step: String,
    pub summary: String,
    pub hint: String,
    pub given_up: u64,
}

/// What an instance reported to compliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compliance {
    /// How many steps are as they should be.
    pub compliant: u64,
    /// How many are not.
    pub not_compliant: u64,
    /// When their run ended.
    pub ended: Option<Timestamp>,
    /// The run.
    pub run: String,
}

/// The machines of a `describe-instances`, by their ids.
pub(super) fn machines(answer: &Value) -> BTreeMap<String, Machine> {
    let reservations = list(&answer["Reservations"]).iter();
    let instances = reservations.flat_map(|reservation| list(&reservation["Instances"]));
    instances.filter_map(|row| Some((id(&row["InstanceId"])?, machine(row)))).collect()
}

fn machine(row: &Value) -> Machine {
    let tag = list(&row["Tags"]).iter().find(|tag| tag["Key"] == "Name");
    let name = tag.map(|tag| word(&tag["Value"])).filter(|name| !name.is_empty());
    Machine { name, state: word(&row["State"]["Name"]) }
}

/// The rows of `describe-instance-information`, by their ids.
pub(super) fn pings(rows: &[Value]) -> BTreeMap<String, Ping> {
    let ping = |row: &Value| Ping {
        status: word(&row["PingStatus"]),
        last: time(&row["LastPingDateTime"]),
        host: Some(word(&row["ComputerName"])).filter(|name| !name.is_empty()),
        association_failed: row["AssociationStatus"] == "Failed",
    };
    rows.iter().filter_map(|row| Some((id(&row["InstanceId"])?, ping(row)))).collect()
}

/// The newest runs among the entities of `get-inventory`, by the ids of their instances.
pub(super) fn runs(entities: &[Value]) -> BTreeMap<String, Run> {
    entities.iter().filter_map(|entity| Some((id(&entity["Id"])?, newest(entity)?))).collect()
}

fn newest(entity: &Value) -> Option<Run> {
    let rows = list(&entity["Data"][names::RUN_TYPE]["Content"]);
    let newest = rows.iter().find(|row| row[names::LATEST] == "true").or(rows.first())?;
    let of = |name: &str| word(&newest[name]);
    Some(Run {
        run: of(names::RUN),
        verdict: of(names::VERDICT),
        exit_code: of(names::EXIT_CODE),
        caller: of(names::CALLER),
        ended: of(names::ENDED),
        checked_at: of(names::CHECKED_AT),
        agent_version: of(names::AGENT_VERSION),
        failed_step: of(names::FAILED_STEP),
        summary: of(names::SUMMARY),
        hint: of(names::HINT),
        given_up: of(names::GIVEN_UP).parse().unwrap_or(0),
    })
}

/// The summaries of `list-resource-compliance-summaries`, by the ids of their instances.
pub(super) fn compliance(rows: &[Value]) -> BTreeMap<String, Compliance> {
    let one = |row: &Value| Compliance {
        compliant: row["CompliantSummary"]["CompliantCount"].as_u64().unwrap_or(0),
        not_compliant: row["NonCompliantSummary"]["NonCompliantCount"].as_u64().unwrap_or(0),
        ended: time(&row["ExecutionSummary"]["ExecutionTime"]),
        run: word(&row["ExecutionSummary"]["ExecutionId"]),
    };
    let ours = rows.iter().filter(|row| row["ComplianceType"] == names::COMPLIANCE_TYPE);
    ours.filter_map(|row| Some((id(&row["ResourceId"])?, one(row)))).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn id(value: &Value) -> Option<String> {
    Some(word(value)).filter(|id| !id.is_empty())
}

/// What a terminal would obey is not kept.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Seconds since 1970, with a fraction.
fn time(value: &Value) -> Option<Timestamp> {
    let since = SignedDuration::try_from_secs_f64(value.as_f64()?).ok()?;
    Timestamp::from_duration(since).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entity(rows: &Value) -> Value {
        json!({ "Id": "i-1", "Data": { "Custom:VivariumRun": { "Content": rows } } })
    }

    #[test]
    fn of_several_runs_the_latest_is_taken_wherever_it_stands() {
        let rows = json!([{ "run_id": "a", "latest": "false" }, { "run_id": "b", "latest": "true" }]);
        assert_eq!(runs(&[entity(&rows)])["i-1"].run, "b");
        assert_eq!(runs(&[entity(&json!([]))]), BTreeMap::new());
        assert_eq!(runs(&[json!({ "Id": "i-1", "Data": {} })]), BTreeMap::new());
    }

    #[test]
    fn what_an_instance_wrote_cannot_move_the_cursor() {
        let rows = json!([{ "summary": "a\u{1b}[2Jb\nc" }]);
        assert_eq!(runs(&[entity(&rows)])["i-1"].summary, "a\u{fffd}[2Jb\u{fffd}c");
    }

    #[test]
    fn times_are_read_with_and_without_a_fraction_and_nonsense_is_none() {
        assert_eq!(time(&json!(1.5)), Timestamp::from_millisecond(1500).ok());
        assert_eq!(time(&json!(60)), Timestamp::from_second(60).ok());
        assert!([json!(1e300), json!("soon"), Value::Null].iter().all(|one| time(one).is_none()));
    }
}
