//! The doors to block devices: the ioctls, and the NVMe controllers behind them. The only unsafe code
//! of this crate; what the bytes mean is read elsewhere.
#![expect(unsafe_code, reason = "these ioctls have no safe binding")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// How many bytes a controller answers with.
pub const IDENTIFY_BYTES: usize = 4096;

/// Asks NVMe controllers who they are.
pub trait NvmeControllers {
    /// The Identify Controller data of the controller behind a device.
    fn identify(&self, device: &Path) -> io::Result<[u8; IDENTIFY_BYTES]>;
}

/// The controllers of this machine.
pub struct System;

impl NvmeControllers for System {
    fn identify(&self, device: &Path) -> io::Result<[u8; IDENTIFY_BYTES]> {
        let file = File::open(device)?;
        let mut answer = [0; IDENTIFY_BYTES];
        let mut command = request::AdminCommand::identify_controller(&mut answer);
        // SAFETY: `command` has the kernel's layout; `answer` outlives the call and is as long as it says.
        let status = unsafe { request::nvme_admin(file.as_raw_fd(), &raw mut command) }?;
        if status == 0 { Ok(answer) } else { Err(io::Error::other(format!("NVMe status {status:#x}"))) }
    }
}

/// The size of an open device in bytes.
pub fn size(device: &File) -> io::Result<u64> {
    let mut bytes = 0_u64;
    // SAFETY: the kernel writes one u64 into a u64.
    unsafe { request::size(device.as_raw_fd(), (&raw mut bytes).cast()) }?;
    Ok(bytes)
}

/// The number the kernel gave to this attachment of the device, never used twice in one boot.
pub fn disk_sequence(device: &File) -> io::Result<u64> {
    let mut number = 0_u64;
    // SAFETY: the kernel writes one u64 into a u64.
    unsafe { request::disk_sequence(device.as_raw_fd(), &raw mut number) }?;
    Ok(number)
}

/// Whether an open device refuses writes.
pub fn read_only(device: &File) -> io::Result<bool> {
    let mut flag = 0;
    // SAFETY: the kernel writes one int into an int.
    unsafe { request::read_only(device.as_raw_fd(), &raw mut flag) }?;
    Ok(flag != 0)
}

/// Writes what is cached to the device and forgets it, so that the next read is the device's own.
pub fn flush_buffers(device: &File) -> io::Result<()> {
    // SAFETY: takes no argument.
    unsafe { request::flush_buffers(device.as_raw_fd()) }?;
    Ok(())
}

/// The requests as the kernel's headers number them.
mod request {
    use nix::libc::c_int;

    nix::ioctl_read!(size, 0x12, 114, usize);
    nix::ioctl_read!(disk_sequence, 0x12, 128, u64);
    nix::ioctl_read_bad!(read_only, nix::request_code_none!(0x12, 94), c_int);
    nix::ioctl_none!(flush_buffers, 0x12, 97);
    nix::ioctl_readwrite!(nvme_admin, b'N', 0x41, AdminCommand);

    /// `struct nvme_admin_cmd`, 72 bytes.
    #[repr(C)]
    #[derive(Default)]
    pub(super) struct AdminCommand {
        opcode: u8,
        flags: u8,
        reserved: u16,
        namespace: u32,
        cdw2: u32,
        cdw3: u32,
        metadata: u64,
        address: u64,
        metadata_length: u32,
        data_length: u32,
        cdw10: u32,
        cdw11_to_15: [u32; 5],
        timeout_milliseconds: u32,
        result: u32,
    }

    impl AdminCommand {
        /// Asks the controller who it is; the answer goes to `answer`.
        pub(super) fn identify_controller(answer: &mut [u8; super::IDENTIFY_BYTES]) -> Self {
            Self {
                opcode: 0x06,
                address: answer.as_mut_ptr() as u64,
                data_length: 4096,
                // Which structure: 1 is the controller, 0 would be a namespace.
                cdw10: 1,
                ..Self::default()
            }
        }
    }

    const _: () = assert!(size_of::<AdminCommand>() == 72);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_nvme_controller_and_no_disk_is_an_error_and_not_zeros() {
        let null = File::open("/dev/null").expect("opened");
        let not_a_disk = [System.identify(Path::new("/dev/null")).map(|_| ()), size(&null).map(|_| ())];
        for answer in not_a_disk {
            let error = answer.expect_err("refused");
            assert_eq!(error.raw_os_error(), Some(nix::libc::ENOTTY));
        }
    }
}
