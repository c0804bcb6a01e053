//! The checksum of ext4, XFS and btrfs superblocks. A few kilobytes a run: slow and short is right.

/// CRC-32C of the bytes, begun with all ones and not inverted at the end.
pub fn raw(bytes: &[u8]) -> u32 {
    bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_the_catalogue_of_checksums_is_met() {
        assert_eq!(!super::raw(b"123456789"), 0xe306_9283);
    }
}
