//! The metadata service: whether it answers, whether its token gets here, whether it gives a role.

use std::time::Duration;

use tokio::time::timeout;

use super::{Finding, Status, WHOLE};
use crate::imds::{Diagnosis, Imds, ImdsError, Instance, Patience};

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(1),
    read: Duration::from_millis(1500),
    budget: Duration::from_millis(1500),
};
const ROLES: &str = "meta-data/iam/security-credentials/";

/// Asks who this instance is and which role it has.
pub(super) async fn look(endpoint: &str) -> Vec<Finding> {
    let mut imds = Imds::new(endpoint, PATIENCE);
    let asking = async {
        let instance = imds.instance().await;
        let role = if instance.is_ok() { Some(imds.get(ROLES).await) } else { None };
        (instance, role)
    };
    match timeout(WHOLE, asking).await {
        Ok((instance, found)) => vec![service(&instance), hops(&instance), role(found)],
        Err(_) => vec![
            Finding::new("metadata service", Status::Unknown, "it answers too slowly to be asked all"),
            Finding::new("hop limit", Status::Unknown, "not seen"),
            role(None),
        ],
    }
}

fn service(instance: &Result<Instance, ImdsError>) -> Finding {
    match instance {
        Ok(found) => {
            let what =
                format!("this is {} ({}) in {}", found.id, found.instance_type, found.availability_zone);
            Finding::new("metadata service", Status::Good, what)
        }
        Err(error) => Finding::new("metadata service", Status::Bad, error.diagnosis.to_string())
            .hint(error.diagnosis.hint()),
    }
}

fn hops(instance: &Result<Instance, ImdsError>) -> Finding {
    let (status, what) = match instance.as_ref().map_err(|error| &error.diagnosis) {
        Ok(_) => (Status::Good, "the session token gets here"),
        Err(Diagnosis::HopLimitOrProxy) => {
            (Status::Bad, "the session token does not get here: one hop too far, or a proxy between")
        }
        Err(_) => (Status::Unknown, "no session token was sent"),
    };
    Finding::new("hop limit", status, what)
}

fn role(found: Option<Result<Option<String>, ImdsError>>) -> Finding {
    let check = "instance role";
    match found {
        Some(Ok(Some(name))) if !name.trim().is_empty() => Finding::new(check, Status::Good, name.trim()),
        Some(Ok(_)) => Finding::new(check, Status::Warning, "the instance has none").hint(
            "attach an instance profile with AmazonSSMManagedInstanceCore; without one nothing is reported to SSM",
        ),
        Some(Err(error)) => Finding::new(check, Status::Unknown, error.to_string()),
        None => Finding::new(check, Status::Unknown, "not seen: the metadata service gave nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_is_a_warning_that_names_the_policy() {
        let finding = role(Some(Ok(None)));
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.hint.contains("AmazonSSMManagedInstanceCore"));
        assert_eq!(role(Some(Ok(Some("data-science\n".to_owned())))).what, "data-science");
    }

    #[tokio::test]
    async fn a_metadata_service_that_is_not_there_gives_three_findings_all_the_same() {
        let findings = look("http://127.0.0.1:1").await;
        let seen: Vec<Status> = findings.iter().map(|finding| finding.status).collect();
        assert_eq!(seen, [Status::Bad, Status::Unknown, Status::Unknown]);
    }
}
