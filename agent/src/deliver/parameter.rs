//! One parameter with the status, for those who ask for it: the stock role does not allow it.

use aws_sdk_ssm::types::ParameterType;
use serde_json::json;
use vivarium_bootstrap::report::Report;

use super::schema;
use super::{Node, Retry};
use crate::aws::{AwsFailure, Request};

/// The most that a parameter of the standard tier holds.
const VALUE: usize = 4096;

/// Writes the parameter. At most one write a run: a whole account shares three a second.
pub(super) async fn send(
    node: &Node,
    prefix: &str,
    report: &Report,
    retry: &mut Retry,
) -> Result<(), AwsFailure> {
    let name = name(prefix, &node.instance);
    let arn = format!("arn:{}:ssm:{}:{}:parameter{name}", node.partition(), node.region, node.account);
    let request = Request::new("ssm:PutParameter", arn);
    retry
        .until_it_passes(async || {
            let call = node.client.put_parameter().name(&name).value(value(report)).overwrite(true);
            let call = call.r#type(ParameterType::String);
            call.send().await.map_err(|error| AwsFailure::from_sdk(&request, &error))?;
            Ok(())
        })
        .await
}

fn name(prefix: &str, instance: &str) -> String {
    format!("/{}/{instance}/status", prefix.trim_matches('/'))
}

fn value(report: &Report) -> String {
    let failed = report.failed();
    let value = json!({
        "run_id": schema::word(&report.run),
        "verdict": report.verdict.as_str(),
        "exit_code": report.exit_code,
        "ended": schema::word(&report.ended),
        "failed_step": schema::word(failed.map_or("", |step| &step.name)),
        "summary": schema::text(failed.map_or("", |step| &step.summary)),
        "hint": schema::text(failed.map_or("", |step| &step.hint)),
        "database_now": schema::word(report.fact("database_now").unwrap_or("")),
    });
    // Two braces would be read as a reference to another parameter.
    let text = value.to_string().replace("{{", "{ {");
    if text.len() <= VALUE { text } else { json!({"verdict": report.verdict.as_str()}).to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::report;
    use super::*;

    #[test]
    fn a_value_fits_is_json_and_refers_to_no_other_parameter() {
        let mut long = report("1");
        long.steps[0].summary = "{{\"".repeat(4000);
        long.steps[0].hint = "\\".repeat(4000);
        let value = value(&long);
        assert!(value.len() <= VALUE && !value.contains("{{"), "{value}");
        assert!(serde_json::from_str::<serde_json::Value>(&value).is_ok());
    }

    #[test]
    fn a_prefix_is_taken_with_and_without_its_slashes() {
        for prefix in ["/vivarium/", "vivarium"] {
            assert_eq!(name(prefix, "i-0123456789abcdef0"), "/vivarium/i-0123456789abcdef0/status");
        }
    }
}
