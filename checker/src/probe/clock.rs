//! When something was asked and how long the answer took.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A watch that is started when a probe begins.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    at: Timestamp,
    began: Instant,
}

impl Watch {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "this is the door to the time of day, for the checker")]
    pub fn start() -> Self {
        // Milliseconds are what a person compares with a log.
        let now = Timestamp::now();
        let at = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Self { at, began: Instant::now() }
    }

    /// When it was started.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What it shows, in whole microseconds, so that what is saved is what was measured.
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}
