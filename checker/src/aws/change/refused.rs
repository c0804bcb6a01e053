//! Why AWS did not make a change, in words that a person can act on.

use std::error::Error;
use std::fmt;

use crate::aws::live::Failure;

/// Why a change was not made, or why it is not known whether it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// As a policy names the call.
    pub permission: String,
    /// AWS's name for why, where AWS said so.
    pub code: Option<String>,
    /// The rest.
    pub failure: Failure,
}

impl Refused {
    /// Whether AWS may have made the change all the same: the call went out, and no answer of AWS's came back.
    pub fn is_uncertain(&self) -> bool {
        matches!(self.failure, Failure::NotReached { .. } | Failure::Unavailable(_) | Failure::Garbled(_))
    }

    /// Whether what an undoing wants gone is gone already.
    pub fn is_gone(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.contains("NotFound"))
    }

    /// Whether what was to be made is there already.
    pub fn is_there(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.contains("Duplicate") || code.contains("AlreadyExists"))
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        let code = self.code.as_deref().unwrap_or_default();
        let is = |words: &[&str]| words.iter().any(|word| code.contains(word));
        if matches!(self.failure, Failure::Denied { .. } | Failure::Throttled) {
            self.failure.hint()
        } else if is(&["LimitExceeded", "QuotaExceeded", "InsufficientAddressCapacity"]) {
            "the quota is reached: take one away that nobody needs, or ask for more under Service Quotas"
                .to_owned()
        } else if is(&["Duplicate", "AlreadyExists", "AlreadyAssociated"]) {
            "somebody has made it meanwhile: look again".to_owned()
        } else if is(&["NotFound"]) {
            "somebody has taken it away meanwhile: look again".to_owned()
        } else if is(&["IncorrectState", "IncorrectInstanceState", "InvalidDBInstanceState", "InvalidState"])
        {
            "it is on its way to another state: try again in a minute".to_owned()
        } else if self.is_uncertain() {
            "it is not known whether it was made: look again before anything else".to_owned()
        } else {
            let own = self.failure.hint();
            if own.is_empty() { "AWS says why; look again, and change it by hand".to_owned() } else { own }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Failure::NotUnderstood(why) | Failure::NotFound(why) => {
                write!(f, "AWS refuses {}: {why}", self.permission)
            }
            Failure::Denied { .. } => self.failure.fmt(f),
            other => write!(f, "{}: {other}", self.permission),
        }
    }
}

impl Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Refused {
        let failure = Failure::NotUnderstood(format!("{code}: so it is"));
        Refused { permission: "ec2:CreateRoute".into(), code: Some(code.into()), failure }
    }

    #[test]
    fn quotas_duplicates_and_what_is_gone_have_each_their_hint() {
        for (code, wanted) in [
            ("RulesPerSecurityGroupLimitExceeded", "quota"),
            ("NetworkAclEntryLimitExceeded", "quota"),
            ("AddressLimitExceeded", "quota"),
            ("InvalidPermission.Duplicate", "has made it meanwhile"),
            ("RouteAlreadyExists", "has made it meanwhile"),
            ("InvalidGroup.NotFound", "taken it away"),
            ("IncorrectInstanceState", "on its way"),
            ("InvalidDBInstanceStateFault", "on its way"),
            ("InvalidParameterValue", "by hand"),
        ] {
            assert!(refused(code).hint().contains(wanted), "{code}: {}", refused(code).hint());
        }
    }

    #[test]
    fn a_denial_names_the_permission_and_the_statement_that_would_help() {
        let failure = Failure::Denied { permission: "ec2:CreateRoute".into(), because: None };
        let denied = Refused { permission: "ec2:CreateRoute".into(), code: None, failure };
        assert_eq!(denied.to_string(), "ec2:CreateRoute is denied");
        assert!(denied.hint().contains(r#""Action":"ec2:CreateRoute""#), "{}", denied.hint());
        assert!(!denied.is_uncertain());
    }

    #[test]
    fn a_call_without_an_answer_of_aws_may_have_been_made() {
        let failure = Failure::Unavailable("status 503".into());
        assert!(Refused { permission: String::new(), code: None, failure }.is_uncertain());
        assert!(!refused("InvalidParameterValue").is_uncertain());
    }
}
