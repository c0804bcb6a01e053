//! Whether bytes come fast enough. Time alone says nothing: a gigabyte may take long.

use std::time::Duration;

use tokio::time::Instant;

/// Watches one connection in windows of time.
#[derive(Debug)]
pub(super) struct Pace {
    window: Duration,
    least: u64,
    ends: Instant,
    came: u64,
}

impl Pace {
    /// At least `slow_below` bytes a second, measured over windows of `window`.
    pub(super) fn new(window: Duration, slow_below: u64, now: Instant) -> Self {
        let least = slow_below.saturating_mul(window.as_millis().try_into().unwrap_or(u64::MAX)) / 1000;
        Self { window, least, ends: now + window, came: 0 }
    }

    /// When to look again, if nothing comes before.
    pub(super) fn ends(&self) -> Instant {
        self.ends
    }

    /// So many bytes came.
    pub(super) fn came(&mut self, bytes: usize) {
        self.came += bytes as u64;
    }

    /// Why the connection should be dropped, if it should.
    pub(super) fn verdict(&mut self, now: Instant) -> Option<String> {
        if now < self.ends {
            return None;
        }
        let (came, time) = (self.came, self.window.as_secs_f64());
        (self.came, self.ends) = (0, now + self.window);
        match came {
            0 => Some(format!("nothing came for {time} s")),
            came if came < self.least => Some(format!(
                "only {came} bytes came in {time} s (download.slow_below asks for {})",
                self.least
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_judged_at_the_end_of_each_window() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(Duration::from_mins(1), 1000, start);
        pace.came(60_000);
        assert_eq!((pace.verdict(after(59)), pace.verdict(after(60))), (None, None));
        pace.came(59_999);
        assert!(pace.verdict(after(120)).is_some_and(|why| why.contains("only 59999 bytes")));
        assert!(pace.verdict(after(180)).is_some_and(|why| why.contains("nothing came for 60 s")));
    }
}
