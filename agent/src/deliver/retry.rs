//! How often and how late a delivery is tried again: full jitter, within one budget for all rungs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::aws::AwsFailure;

/// A service that is not reached at all is not worth more: the next run tries again.
const UNREACHED: u32 = 3;

/// The rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryRule {
    /// The longest first pause.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// All tries of all rungs together.
    pub budget: Duration,
}

impl Default for RetryRule {
    fn default() -> Self {
        Self { base: Duration::from_secs(1), cap: Duration::from_secs(20), budget: Duration::from_secs(5) }
    }
}

/// The rule, and the time that is left.
pub(super) struct Retry {
    rule: RetryRule,
    deadline: Instant,
}

impl Retry {
    /// The budget begins now.
    pub(super) fn begin(rule: RetryRule) -> Self {
        Self { rule, deadline: Instant::now() + rule.budget }
    }

    /// Calls until it passes, until it cannot pass, or until the time is up.
    pub(super) async fn until_it_passes(
        &mut self,
        call: impl AsyncFn() -> Result<(), AwsFailure>,
    ) -> Result<(), AwsFailure> {
        for tried in 1.. {
            let Err(failure) = call().await else { return Ok(()) };
            let pause = self.pause(tried).mul_f64(fastrand::f64());
            if !worth_another(&failure, tried) || Instant::now() + pause >= self.deadline {
                return Err(failure);
            }
            sleep(pause).await;
        }
        Ok(())
    }

    fn pause(&self, tried: u32) -> Duration {
        self.rule.base.saturating_mul(2_u32.saturating_pow(tried - 1)).min(self.rule.cap)
    }
}

fn worth_another(failure: &AwsFailure, tried: u32) -> bool {
    failure.may_pass() && (tried < UNREACHED || !failure.concerns_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn throttling_is_waited_out_only_within_the_budget() {
        let begun = Instant::now();
        let mut retry = Retry::begin(RetryRule::default());
        assert_eq!(
            retry.until_it_passes(async || Err(AwsFailure::Throttled)).await,
            Err(AwsFailure::Throttled)
        );
        assert!(begun.elapsed() <= RetryRule::default().budget);
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_is_not_asked_for_twice() {
        let calls = std::cell::Cell::new(0);
        let denied = || AwsFailure::AccessDenied { action: "a".to_owned(), resource: "b".to_owned() };
        let mut retry = Retry::begin(RetryRule::default());
        let end = retry
            .until_it_passes(async || {
                calls.set(calls.get() + 1);
                Err(denied())
            })
            .await;
        assert_eq!((end, calls.get()), (Err(denied()), 1));
    }

    #[test]
    fn pauses_double_up_to_the_cap() {
        let retry = Retry { rule: RetryRule::default(), deadline: Instant::now() };
        let pauses: Vec<u64> = (1..8).map(|tried| retry.pause(tried).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 20, 20]);
        assert_eq!(retry.pause(u32::MAX).as_secs(), 20);
    }
}
