//! Custom inventory: the rung that the stock role allows, and the one that takes reports off the queue.

use aws_sdk_ssm::types::InventoryItem;
use vivarium_bootstrap::report::Report;

use super::schema::{self, RUN_TYPE, Row, SCHEMA_VERSION, STEP_TYPE, Sending};
use super::{Node, Retry};
use crate::aws::{AwsFailure, Request};

/// An item may have 200 KB; some of that is names and punctuation around the rows.
const ROWS_BYTES: usize = 180 * 1024;

/// Sends reports, oldest first in `reports`, as one state of the instance.
pub(super) async fn send(
    node: &Node,
    reports: &[Report],
    sending: &Sending,
    retry: &mut Retry,
) -> Result<(), AwsFailure> {
    let request = Request::new("ssm:PutInventory", node.arn());
    let items = items(reports, sending);
    retry
        .until_it_passes(async || {
            let call = node.client.put_inventory().instance_id(&node.instance).set_items(Some(items.clone()));
            call.send().await.map_err(|error| AwsFailure::from_sdk(&request, &error))?;
            Ok(())
        })
        .await
}

/// How many of the oldest reports one call can carry: their run rows must fit.
pub(super) fn fitting(reports: &[Report], sending: &Sending) -> usize {
    let mut bytes = 0;
    let fits = |report: &&Report| {
        bytes += size(&schema::run_row(report, sending, true, true));
        bytes <= ROWS_BYTES
    };
    reports.iter().take_while(fits).count().max(1)
}

/// No content hash: with one, AWS would skip what is the same, and delete it after 30 days for its age.
fn items(reports: &[Report], sending: &Sending) -> Vec<InventoryItem> {
    let (runs, steps) = rows(reports, sending);
    [(RUN_TYPE, runs), (STEP_TYPE, steps)].map(|(name, rows)| item(name, rows, sending)).into()
}

fn item(name: &str, rows: Vec<Row>, sending: &Sending) -> InventoryItem {
    InventoryItem::builder()
        .type_name(name)
        .schema_version(SCHEMA_VERSION)
        .capture_time(&sending.checked_at)
        .set_content(Some(rows))
        .build()
        .expect("type, version and time are given")
}

/// The newest run first; its steps first too, and those of older runs as long as there is room.
fn rows(reports: &[Report], sending: &Sending) -> (Vec<Row>, Vec<Row>) {
    let (mut runs, mut steps, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (age, report) in reports.iter().rev().enumerate() {
        let of_this_run = schema::step_rows(report);
        let more: usize = of_this_run.iter().map(size).sum();
        let there_is_room = bytes + more <= ROWS_BYTES;
        if there_is_room {
            bytes += more;
            steps.extend(of_this_run);
        }
        runs.push(schema::run_row(report, sending, age == 0, there_is_room));
    }
    (runs, steps)
}

fn size(row: &Row) -> usize {
    serde_json::to_vec(row).map_or(0, |json| json.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::{report, sending};
    use super::*;

    #[test]
    fn the_newest_run_is_the_first_row_and_the_only_latest() {
        let (runs, steps) = rows(&[report("1"), report("2"), report("3")], &sending());
        let seen: Vec<_> = runs.iter().map(|row| (row["run_id"].as_str(), row["latest"].as_str())).collect();
        assert_eq!(seen, [("3", "true"), ("2", "false"), ("1", "false")]);
        assert_eq!(steps.len(), 3);
    }

    #[test]
    fn steps_without_room_are_left_out_and_said_to_be() {
        let mut long = report("1");
        long.steps = vec![report("1").steps.remove(0); 500];
        let (runs, steps) = rows(&[long.clone(), long], &sending());
        assert_eq!(steps.len(), 500);
        let listed: Vec<_> = runs.iter().map(|row| row["steps_listed"].as_str()).collect();
        assert_eq!(listed, ["true", "false"]);
    }

    #[test]
    fn more_runs_than_one_call_can_carry_are_split() {
        let reports: Vec<Report> = (100..900).map(|run| report(&run.to_string())).collect();
        let first = fitting(&reports, &sending());
        assert!((100..800).contains(&first), "{first}");
        let (runs, _) = rows(&reports[..first], &sending());
        assert!(serde_json::to_vec(&runs).expect("JSON").len() <= 200 * 1024);
        assert_eq!(fitting(&reports[..1], &sending()), 1);
    }
}
