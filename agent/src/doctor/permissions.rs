//! What Systems Manager lets this instance do, as far as asking shows it.
//!
//! Only a request that writes nothing is made: for a parameter that does not exist. "No such parameter"
//! is a yes. Inventory and compliance cannot be tried without writing them.

use aws_sdk_ssm::Client;
use tokio::time::timeout;

use super::{Finding, Status, WHOLE};
use crate::aws::{AwsFailure, Request};

const CHECK: &str = "SSM permissions";
const NOWHERE: &str = "/vivarium/doctor/does-not-exist";

/// Asks for a parameter that does not exist.
pub(super) async fn look(client: &Client) -> Finding {
    let request = Request::new("ssm:GetParameter", "*");
    match timeout(WHOLE, client.get_parameter().name(NOWHERE).send()).await {
        Ok(Ok(_)) => allowed(),
        Ok(Err(error)) => verdict(&AwsFailure::from_sdk(&request, &error)),
        Err(_) => verdict(&AwsFailure::NoNetwork("no answer in time".to_owned())),
    }
}

fn allowed() -> Finding {
    Finding::new(
        CHECK,
        Status::Good,
        "parameters may be read; inventory and compliance are seen only when a run writes them",
    )
}

/// No failure to report ever fails a run: the worst it can be is a warning.
fn verdict(failure: &AwsFailure) -> Finding {
    let status = match failure {
        AwsFailure::NotFound(_) => return allowed(),
        AwsFailure::AccessDenied { .. }
        | AwsFailure::NotRegistered
        | AwsFailure::NoCredentials(_)
        | AwsFailure::ExpiredCredentials
        | AwsFailure::ClockSkew(_) => Status::Warning,
        _ => Status::Unknown,
    };
    Finding::new(CHECK, status, failure.to_string()).hint(failure.hint())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, message: &str) -> Finding {
        verdict(&AwsFailure::from_service(&Request::new("ssm:GetParameter", "*"), code, message))
    }

    #[test]
    fn no_such_parameter_is_a_yes_and_a_denial_shows_the_statement() {
        assert_eq!(said("ParameterNotFound", "").status, Status::Good);
        let denied = said("AccessDeniedException", "not authorized");
        assert_eq!(denied.status, Status::Warning);
        assert!(denied.hint.contains("ssm:GetParameter"), "{denied}");
    }

    #[test]
    fn what_never_arrived_or_is_not_understood_is_unknown() {
        assert_eq!(verdict(&AwsFailure::NoNetwork("dispatch failure".to_owned())).status, Status::Unknown);
        assert_eq!(said("ThrottlingException", "slow down").status, Status::Unknown);
        assert_eq!(said("SomethingNew", "what").status, Status::Unknown);
    }
}
