//! An instance that forwards for others: a NAT instance, a firewall (R12, S13).

use crate::evaluate::code::Code;
use crate::evaluate::party::Host;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::Walk;
use crate::network::Missing;

use super::security_group::Seen;

impl<'n> Walk<'n> {
    /// What a packet meets at an interface that is neither its source nor its destination.
    pub(in crate::evaluate) fn appliance(&mut self, host: &Host<'n>, packet: &Packet, seen: &Seen) {
        self.security_groups(host, false, packet, seen);
        self.host(host, packet);
        let Some(interface) = host.interface else { return };
        match interface.source_dest_check.get() {
            Ok(false) => {
                let rule = Rule::of(&interface.id, "sourceDestCheck is off");
                self.allow(GateKind::SourceDestCheck, packet, rule);
            }
            Ok(true) => {
                let rule = Rule::of(&interface.id, "sourceDestCheck is on: it passes only its own packets");
                self.deny(GateKind::SourceDestCheck, packet, Code::SourceDestCheck, rule);
            }
            Err(missing) => self.unknown(GateKind::SourceDestCheck, &interface.id, packet, missing),
        }
        let because = "the operating system's own settings are not AWS's to tell";
        let missing = Missing::new(format!("whether {} forwards", host.label()), because);
        self.assume(GateKind::Appliance, &interface.id, packet, missing);
    }
}
