//! Why AWS did not answer, in words that a person can act on.

use std::error::Error;
use std::fmt;

use super::xml::Refusal;

/// Farther than this from AWS's clock, signatures are refused.
const MOST_SKEW: i64 = 300;

/// Why an action gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// Too often, even after waiting.
    Throttled,
    /// A policy forbids it.
    Denied {
        /// As a policy names it: `ec2:DescribeVpcs`.
        permission: String,
        /// Which policy, where AWS says so: `with an explicit deny in a service control policy`.
        because: Option<String>,
    },
    /// AWS does not know the credentials, or the account has not switched the Region on.
    NotAccepted(String),
    /// Nobody gave this program credentials.
    NoCredentials(String),
    /// They have ended.
    ExpiredCredentials,
    /// This machine's clock is this many seconds ahead of AWS's; behind it where negative.
    ClockSkew(i64),
    /// The service was not reached.
    NotReached {
        /// Where it would be.
        endpoint: String,
        /// What became of the connection.
        because: String,
        /// A Region that there is, where the one that was named is none.
        meant: Option<String>,
    },
    /// AWS is out of order for a moment.
    Unavailable(String),
    /// What was asked for is not there.
    NotFound(String),
    /// AWS finds the question wrong, or this endpoint does not know it.
    NotUnderstood(String),
    /// The answer is none of AWS's.
    Garbled(String),
}

impl Failure {
    /// What an error means to who needs this permission. `ahead` is by how many seconds this machine's clock is ahead of AWS's, where AWS said.
    pub(in crate::aws) fn from_refusal(permission: &str, refusal: &Refusal, ahead: Option<i64>) -> Self {
        let Refusal { code, message } = refusal;
        let skew = ahead.filter(|ahead| ahead.abs() >= MOST_SKEW);
        match code.strip_suffix("Exception").unwrap_or(code) {
            "Throttling"
            | "Throttled"
            | "RequestThrottled"
            | "RequestLimitExceeded"
            | "TooManyRequests"
            | "SlowDown"
            | "BandwidthLimitExceeded" => Self::Throttled,
            "UnauthorizedOperation" | "AccessDenied" | "NotAuthorized" => denied(permission, message),
            // EC2 has the same code for both, but it also tells its time.
            "RequestExpired"
            | "ExpiredToken"
            | "RequestTimeTooSkewed"
            | "InvalidSignature"
            | "SignatureDoesNotMatch"
            | "AuthFailure"
                if skew.is_some() =>
            {
                Self::ClockSkew(skew.unwrap_or_default())
            }
            "RequestExpired" | "ExpiredToken" => Self::ExpiredCredentials,
            "AuthFailure"
            | "OptInRequired"
            | "InvalidClientTokenId"
            | "UnrecognizedClient"
            | "MissingAuthenticationToken"
            | "SignatureDoesNotMatch"
            | "InvalidSignature"
            | "Blocked"
            | "PendingVerification" => Self::NotAccepted(format!("{code}: {message}")),
            "Unavailable"
            | "InternalError"
            | "InternalFailure"
            | "InternalServerError"
            | "ServiceUnavailable"
            | "RequestTimeout" => Self::Unavailable(format!("{code}: {message}")),
            name if name.contains("NotFound") => Self::NotFound(message.clone()),
            _ => Self::NotUnderstood(format!("{code}: {message}")),
        }
    }

    /// Whether the same question may be answered a moment later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable(_))
    }

    /// Whether every other question would fail in the same way, so that asking is a waste of time.
    pub fn concerns_all(&self) -> bool {
        matches!(
            self,
            Self::NotAccepted(_)
                | Self::NoCredentials(_)
                | Self::ExpiredCredentials
                | Self::ClockSkew(_)
                | Self::NotReached { .. }
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Throttled => "somebody else asks this account a lot: try again in a minute".to_owned(),
            Self::Denied { permission, .. } => format!("have it allowed: {}", statement(permission)),
            Self::NotAccepted(_) => {
                "see with `aws sts get-caller-identity` whose these credentials are, and in the \
                account's settings that the Region is on"
                    .to_owned()
            }
            Self::NoCredentials(_) => {
                "run `aws configure` or `aws sso login`, or name a profile; --no-aws goes without".to_owned()
            }
            Self::ExpiredCredentials => {
                "get new ones: `aws sso login`, or however these were made".to_owned()
            }
            Self::ClockSkew(_) => {
                "set this machine's clock: `chronyc makestep`, or switch on its time service".to_owned()
            }
            Self::NotReached { meant: Some(region), .. } => format!("is {region} meant?"),
            Self::NotReached { .. } => {
                "see whether this network lets HTTPS out, and what HTTPS_PROXY names; --no-aws goes without"
                    .to_owned()
            }
            Self::Unavailable(_) => "AWS is out of order for the moment: try again".to_owned(),
            Self::NotFound(_) => "see whether the Region and the profile are the right ones".to_owned(),
            Self::NotUnderstood(_) => String::new(),
            Self::Garbled(_) => {
                "something between here and AWS answers in its place: a captive portal, a proxy".to_owned()
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled => f.write_str("AWS throttles it, even after waiting"),
            Self::Denied { permission, because: None } => write!(f, "{permission} is denied"),
            Self::Denied { permission, because: Some(because) } => {
                write!(f, "{permission} is denied {because}")
            }
            Self::NotAccepted(why) => write!(f, "AWS does not accept the credentials: {why}"),
            Self::NoCredentials(why) => write!(f, "there are no credentials: {why}"),
            Self::ExpiredCredentials => f.write_str("the credentials have expired"),
            Self::ClockSkew(ahead) => {
                let side = if *ahead > 0 { "ahead of" } else { "behind" };
                write!(f, "this machine's clock is {} s {side} AWS's", ahead.abs())
            }
            Self::NotReached { endpoint, because, .. } => write!(f, "{endpoint} is not reached: {because}"),
            Self::Unavailable(why) => write!(f, "AWS is out of order: {why}"),
            Self::NotFound(what) => write!(f, "AWS finds no such thing: {what}"),
            Self::NotUnderstood(why) => write!(f, "AWS does not take the question: {why}"),
            Self::Garbled(why) => write!(f, "the answer is none of AWS's: {why}"),
        }
    }
}

impl Error for Failure {}

/// The smallest statement of a policy that allows it. What describes cannot be bound to one resource.
fn statement(permission: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{permission}","Resource":"*"}}"#)
}

/// AWS itself names the action that is missing, which need not be the one that was called.
fn denied(permission: &str, message: &str) -> Failure {
    let named = message.split_once("to perform: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let reason = |word| message.find(word).map(|at| message[at..].trim_end_matches('.').to_owned());
    let because = reason("with an explicit deny").or_else(|| reason("because no"));
    // EC2 may add an encrypted account of the denial that says nothing to a reader.
    let because = because
        .map(|text| text.split(" Encoded ").next().unwrap_or_default().trim_end_matches('.').to_owned());
    Failure::Denied { permission: named.unwrap_or(permission).to_owned(), because }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, message: &str, ahead: i64) -> Failure {
        let refusal = Refusal { code: code.to_owned(), message: message.to_owned() };
        Failure::from_refusal("ec2:DescribeVpcs", &refusal, Some(ahead))
    }

    #[test]
    fn a_denial_names_the_permission_the_policy_and_the_statement_that_would_help() {
        let message = "You are not authorized to perform this operation. User: arn:aws:iam::1:user/a is not authorized \
            to perform: ec2:DescribeSubnets with an explicit deny in a service control policy. Encoded authorization \
            failure message: abc";
        let denied = failure("UnauthorizedOperation", message, 0);
        let said = "ec2:DescribeSubnets is denied with an explicit deny in a service control policy";
        assert_eq!(denied.to_string(), said);
        assert!(denied.hint().contains(r#""Action":"ec2:DescribeSubnets""#), "{}", denied.hint());
    }

    #[test]
    fn a_denial_without_words_names_what_was_asked() {
        let denied = failure("UnauthorizedOperation", "You are not authorized to perform this operation.", 0);
        assert_eq!(denied.to_string(), "ec2:DescribeVpcs is denied");
    }

    #[test]
    fn an_expired_request_is_about_the_clock_only_where_the_clocks_differ() {
        assert_eq!(failure("RequestExpired", "Request has expired.", 2), Failure::ExpiredCredentials);
        assert_eq!(failure("RequestExpired", "Request has expired.", -900), Failure::ClockSkew(-900));
        let late =
            failure("AuthFailure", "AWS was not able to validate the provided access credentials", 4000);
        assert_eq!(late.to_string(), "this machine's clock is 4000 s ahead of AWS's");
    }

    #[test]
    fn only_what_passes_by_itself_is_asked_again() {
        for code in
            ["RequestLimitExceeded", "Throttling", "ThrottlingException", "Unavailable", "InternalError"]
        {
            assert!(failure(code, "", 0).may_pass(), "{code}");
        }
        for code in ["UnauthorizedOperation", "AuthFailure", "InvalidVpcID.NotFound", "InvalidParameterValue"]
        {
            assert!(!failure(code, "", 0).may_pass(), "{code}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_what_is_denied() {
        for code in ["InvalidInstanceID.NotFound", "DBInstanceNotFound", "DBInstanceNotFoundFault"] {
            assert_eq!(failure(code, "gone", 0), Failure::NotFound("gone".into()), "{code}");
        }
    }
}
