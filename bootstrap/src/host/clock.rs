//! The door to the time of day. Durations and sleeps are tokio's, whose clock tests can hold still.

use jiff::Timestamp;

/// The time of day, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the door to the time of day")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The time of day as file names carry it: `20261123T140500Z`.
pub fn stamp() -> String {
    now().strftime("%Y%m%dT%H%M%SZ").to_string()
}
