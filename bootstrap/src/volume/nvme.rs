//! Reading what an NVMe controller says about itself: which volume it is, and which device name was
//! asked for when that was attached.

use crate::host::block::IDENTIFY_BYTES;

/// What of the Identify Controller data matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// `vol0123456789abcdef0` on EBS.
    pub serial: String,
    /// `Amazon Elastic Block Store`.
    pub model: String,
    /// The device name asked for, `sdf`; nothing where the vendor's area is empty.
    pub device_name: Option<String>,
}

impl Controller {
    /// Reads the 4096 bytes of an answer.
    pub fn read(identify: &[u8; IDENTIFY_BYTES]) -> Self {
        let name = text(&identify[3072..3104]);
        Self {
            serial: text(&identify[4..24]),
            model: text(&identify[24..64]),
            device_name: (!name.is_empty()).then(|| normal_name(&name)),
        }
    }
}

/// A device name as all of them are compared: without `/dev/`, and `xvdf` as `sdf`, since EC2 and
/// Xen's kernels call the same attachment by either.
pub fn normal_name(name: &str) -> String {
    let name = name.strip_prefix("/dev/").unwrap_or(name);
    match name.strip_prefix("xvd") {
        Some(letters) if !letters.is_empty() => format!("sd{letters}"),
        _ => name.to_owned(),
    }
}

fn text(padded: &[u8]) -> String {
    String::from_utf8_lossy(padded).trim_matches([' ', '\0']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(serial: &[u8], name: &[u8]) -> [u8; IDENTIFY_BYTES] {
        let mut bytes = [0; IDENTIFY_BYTES];
        bytes[4..24].fill(b' ');
        bytes[4..4 + serial.len()].copy_from_slice(serial);
        bytes[24..64].fill(b' ');
        bytes[24..50].copy_from_slice(b"Amazon Elastic Block Store");
        bytes[3072..3072 + name.len()].copy_from_slice(name);
        bytes
    }

    #[test]
    fn the_device_name_is_the_same_with_and_without_its_directory_and_padding() {
        for name in [&b"/dev/sdf"[..], b"sdf                             ", b"xvdf\0\0", b"/dev/xvdf   \0"] {
            let controller = Controller::read(&answer(b"vol0123456789abcdef0", name));
            assert_eq!(controller.device_name.as_deref(), Some("sdf"), "{name:?}");
        }
    }

    #[test]
    fn serial_and_model_lose_their_padding_and_nothing_else() {
        let controller = Controller::read(&answer(b"vol-0123abcd", b"sdf"));
        assert_eq!(controller.serial, "vol-0123abcd");
        assert_eq!(controller.model, "Amazon Elastic Block Store");
    }

    #[test]
    fn an_empty_vendor_area_is_no_device_name() {
        assert_eq!(Controller::read(&answer(b"AWS123", b"")).device_name, None);
    }

    #[test]
    fn a_name_that_is_only_a_prefix_stays_as_it_is() {
        assert_eq!(normal_name("xvd"), "xvd");
        assert_eq!(normal_name("/dev/xvdba"), "sdba");
        assert_eq!(normal_name("nvme1n1"), "nvme1n1");
    }
}
