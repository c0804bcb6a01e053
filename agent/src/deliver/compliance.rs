//! Compliance: each step of the latest run, green or red in the console.

use aws_sdk_ssm::types::{
    ComplianceExecutionSummary, ComplianceItemEntry, ComplianceSeverity, ComplianceStatus,
};
use aws_smithy_types::DateTime;
use vivarium_bootstrap::report::{Outcome, Report, StepReport};

use super::schema::{self, COMPLIANCE_TYPE};
use super::{Node, Retry};
use crate::aws::{AwsFailure, Request};

/// The longest title that Systems Manager takes.
const TITLE: usize = 500;

/// Replaces all items of our type by those of this report.
pub(super) async fn send(node: &Node, report: &Report, retry: &mut Retry) -> Result<(), AwsFailure> {
    let request = Request::new("ssm:PutComplianceItems", node.arn());
    let items: Vec<_> = report.steps.iter().map(|step| item(report, step)).collect();
    retry
        .until_it_passes(async || {
            let call = node
                .client
                .put_compliance_items()
                .resource_id(&node.instance)
                .resource_type("ManagedInstance")
                .compliance_type(COMPLIANCE_TYPE)
                .execution_summary(execution(report))
                .set_items(Some(items.clone()));
            call.send().await.map_err(|error| AwsFailure::from_sdk(&request, &error))?;
            Ok(())
        })
        .await
}

fn item(report: &Report, step: &StepReport) -> ComplianceItemEntry {
    let (status, severity) = judge(step.outcome);
    let mut item = ComplianceItemEntry::builder()
        .id(schema::word(&step.name))
        .title(schema::ascii(&step.summary, TITLE))
        .status(status)
        .severity(severity)
        .details("outcome", step.outcome.as_str())
        .details("run_id", schema::word(&report.run))
        .details("verdict", report.verdict.as_str());
    if !step.hint.is_empty() {
        item = item.details("hint", schema::text(&step.hint));
    }
    item.build().expect("status and severity are given")
}

fn judge(outcome: Outcome) -> (ComplianceStatus, ComplianceSeverity) {
    match outcome {
        Outcome::Unchanged | Outcome::Changed | Outcome::Skipped => {
            (ComplianceStatus::Compliant, ComplianceSeverity::Unspecified)
        }
        Outcome::Failed => (ComplianceStatus::NonCompliant, ComplianceSeverity::High),
        Outcome::NotReached => (ComplianceStatus::NonCompliant, ComplianceSeverity::Unspecified),
    }
}

fn execution(report: &Report) -> ComplianceExecutionSummary {
    let ended: jiff::Timestamp = report.ended.parse().unwrap_or_default();
    ComplianceExecutionSummary::builder()
        .execution_time(DateTime::from_secs(ended.as_second()))
        .execution_id(schema::ascii(&report.run, 100))
        .execution_type("Command")
        .build()
        .expect("the time is given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_was_never_reached_is_not_called_good() {
        assert_eq!(judge(Outcome::NotReached).0, ComplianceStatus::NonCompliant);
        assert_eq!(judge(Outcome::Skipped).0, ComplianceStatus::Compliant);
    }
}
