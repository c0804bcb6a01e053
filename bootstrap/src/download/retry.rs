//! When to try again, and how long to wait.

use std::time::Duration;

use jiff::Timestamp;

/// The longest wait that a server may ask for.
const MOST_OBEYED: Duration = Duration::from_mins(2);

/// Full jitter: a random part of an exponentially growing time, so that a fleet started at once does
/// not come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait is at most this.
    pub base: Duration,
    /// Any wait is at most this.
    pub cap: Duration,
    /// So many attempts in a row may bring nothing before it is given up.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(30), attempts: 12 }
    }
}

impl Backoff {
    /// How long to wait after `failed` attempts in a row; `random` is any number.
    pub fn delay(&self, failed: u32, random: u32) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
        doubled.min(self.cap).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

/// Whether a status may go away by itself.
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// How long the server asks to be left alone, in seconds or as a date; never more than two minutes.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let asked = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(asked.min(MOST_OBEYED))
}

/// What is most likely behind a status that will not go away by itself.
pub fn likely_cause(status: u16) -> &'static str {
    match status {
        401 => "the server wants a login; give a URL that needs none, or a signed one",
        403 => {
            "a signed URL that has expired, a proxy that blocks it, or a country the server refuses; \
             sign it again, ask the proxy's owner, or name another mirror"
        }
        404 => "the file's name or folder is different there; check the URL or name another mirror",
        407 => "the proxy wants credentials: put them into https_proxy",
        410 => "the file was taken away for good; name another mirror",
        451 => "the server is not allowed to give it to this address; name another mirror",
        300..=399 => "the server points elsewhere without saying where; give the URL it should end at",
        _ => "the server will not answer this; open the URL from another host, or name another mirror",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_are_a_random_part_of_that() {
        let backoff = Backoff::default();
        let longest: Vec<u128> = (1..=9).map(|failed| backoff.delay(failed, u32::MAX).as_millis()).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(backoff.delay(5, 0), Duration::ZERO);
        assert_eq!(backoff.delay(40, u32::MAX), Duration::from_secs(30));
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date_and_cut_to_two_minutes() {
        let now: Timestamp = "2026-11-23T14:00:00Z".parse().expect("a time");
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Mon, 23 Nov 2026 14:00:09 GMT", now), Some(Duration::from_secs(9)));
        assert_eq!(retry_after("Mon, 23 Nov 2026 13:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("86400", now), Some(MOST_OBEYED));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn only_statuses_that_pass_are_tried_again() {
        let again: Vec<u16> = (300..600).filter(|status| is_transient(*status)).collect();
        assert_eq!(again, [408, 425, 429, 500, 502, 503, 504]);
        assert!(likely_cause(403).contains("signed URL") && likely_cause(404).contains("mirror"));
    }
}
