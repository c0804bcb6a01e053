//! Sends what waits after its run has ended, beside everything else. A thousand instances that boot together share one
//! limit; so each comes back after a pause of random length, for as long as an hour.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::retry::RetryRule;

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowRule {
    /// The longest first pause.
    pub first: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// After so long the next run is left to do it.
    pub patience: Duration,
}

impl Default for FollowRule {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            cap: Duration::from_mins(2),
            patience: Duration::from_hours(1),
        }
    }
}

impl FollowRule {
    /// Within one attempt each call is made once.
    pub fn within(&self) -> RetryRule {
        RetryRule { budget: Duration::ZERO, ..RetryRule::default() }
    }

    fn pause(&self, tried: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(tried)).min(self.cap)
    }
}

/// What an attempt has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing, or nothing that time alone would mend.
    Nothing,
    /// Something that may arrive later.
    ForLater,
}

/// Attempts until nothing is left, or until patience is at its end. Begins with a pause: the run has just tried.
pub async fn follow(rule: FollowRule, attempt: impl AsyncFn() -> Left) -> Left {
    let deadline = Instant::now() + rule.patience;
    for tried in 0.. {
        let pause = rule.pause(tried).mul_f64(fastrand::f64());
        if Instant::now() + pause >= deadline {
            break;
        }
        sleep(pause).await;
        if attempt().await == Left::Nothing {
            return Left::Nothing;
        }
    }
    Left::ForLater
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_nothing_is_left() {
        let tries = Cell::new(0);
        let left = follow(FollowRule::default(), async || {
            tries.set(tries.get() + 1);
            if tries.get() == 5 { Left::Nothing } else { Left::ForLater }
        });
        assert_eq!((left.await, tries.get()), (Left::Nothing, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_has_an_end_and_pauses_are_not_short() {
        let (began, tries) = (Instant::now(), Cell::new(0));
        let left = follow(FollowRule::default(), async || {
            tries.set(tries.get() + 1);
            Left::ForLater
        });
        assert_eq!(left.await, Left::ForLater);
        assert!(began.elapsed() <= FollowRule::default().patience);
        assert!((30..120).contains(&tries.get()), "{} attempts in an hour", tries.get());
    }
}
