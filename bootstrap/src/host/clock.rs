//! The door to the time of day. Durations and sleeps are tokio's, whose clock tests can hold still.

use jiff::Timestamp;

/// The time of day, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the door to the time of day")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The time of day as records carry it: `2026-11-23T14:05:00.042Z`.
pub fn text() -> String {
    now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The time of day as file names carry it: `20261123T140500Z`.
pub fn stamp() -> String {
    now().strftime("%Y%m%dT%H%M%SZ").to_string()
}
