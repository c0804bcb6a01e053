//! Partition tables: the primary, the backup at the tail, and the boot sector's mark.

use super::{Pieces, Signature};

pub(super) fn scan(pieces: &Pieces, size: u64) -> Vec<Signature> {
    let mut found = Vec::new();
    for sector in [512, 4096] {
        if pieces.has(sector, b"EFI PART") {
            found.push(Signature::new("gpt", sector));
        }
        let last = size.saturating_sub(sector);
        if pieces.has(last, b"EFI PART") {
            found.push(Signature::new("gpt_backup", last));
        }
    }
    if pieces.has(510, b"\x55\xaa") {
        found.push(Signature::new("dos", 510));
    }
    found.extend(old_tables(pieces));
    found
}

/// Tables of other machines, whose marks are as short.
fn old_tables(pieces: &Pieces) -> Vec<Signature> {
    let magics: [(&'static str, u64, &[u8]); 5] = [
        ("apple", 0, b"ER"),
        ("apple", 512, b"PM\0\0"),
        ("sun", 508, b"\xda\xbe"),
        ("sgi", 0, b"\x0b\xe5\xa9\x41"),
        ("bsd", 512, b"\x57\x45\x56\x82"),
    ];
    magics
        .iter()
        .filter(|(_, offset, magic)| pieces.has(*offset, magic))
        .map(|(family, offset, _)| Signature::new(family, *offset))
        .collect()
}
