//! How sizes are said to people.

use std::fmt;

/// Bytes, as people say them: in the largest unit that leaves a whole number.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.into_iter().find(|(shift, _)| self.0 > 0 && self.0.trailing_zeros() >= *shift) {
            Some((shift, unit)) => write!(f, "{} {unit}", self.0 >> shift),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn sizes_are_said_in_whole_units() {
        for (bytes, text) in [
            (100 * GIB, "100 GiB"),
            (2 << 40, "2 TiB"),
            (3 * GIB / 2, "1536 MiB"),
            (513, "513 bytes"),
            (0, "0 bytes"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
