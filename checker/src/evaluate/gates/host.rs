//! The instance and its interface: whether there is anybody to send or receive.

use crate::evaluate::code::Code;
use crate::evaluate::party::Host;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::Walk;
use crate::network::{InstanceState, InterfaceStatus, Kind, Missing, NetworkInterface};

impl<'n> Walk<'n> {
    pub(in crate::evaluate) fn host(&mut self, host: &Host<'n>, packet: &Packet) {
        if let Some(interface) = host.interface {
            self.interface(interface, packet);
        }
        if let Some(id) = host.instance {
            match self
                .network
                .instances
                .find(Kind::Instances, id)
                .and_then(|instance| Ok((instance, instance.state.get()?)))
            {
                Err(missing) => self.unknown(GateKind::Instance, id, packet, missing),
                Ok((_, InstanceState::Running)) => {
                    self.allow(GateKind::Instance, packet, Rule::of(id, "it is running"));
                }
                Ok((_, InstanceState::Other(state))) => {
                    let because = format!("whether it runs while its state is {state:?} is not known");
                    self.unknown(GateKind::Instance, id, packet, Missing::new(id.to_string(), because));
                }
                Ok((instance, state)) => {
                    let reason = instance.state_reason.as_deref().map(|reason| format!(" ({reason})"));
                    let rule = Rule::of(id, format!("it is {state}{}", reason.unwrap_or_default()));
                    self.deny(GateKind::Instance, packet, Code::InstanceNotRunning, rule);
                }
            }
        }
    }

    fn interface(&mut self, interface: &NetworkInterface, packet: &Packet) {
        let kind = GateKind::NetworkInterface;
        let attachment = interface.attachment.as_ref();
        let leaving = attachment
            .and_then(|row| row.status.as_deref())
            .filter(|status| !matches!(*status, "attached" | "attaching"));
        if let Some(status) = leaving {
            let rule = Rule::of(&interface.id, format!("its attachment is {status}"));
            return self.deny(kind, packet, Code::InterfaceNotAttached, rule);
        }
        match interface.status.get() {
            Ok(InterfaceStatus::InUse) => self.allow(kind, packet, Rule::of(&interface.id, "it is in use")),
            Err(_) if attachment.is_some() => {
                self.allow(kind, packet, Rule::of(&interface.id, "it is attached"));
            }
            Err(missing) => self.unknown(kind, &interface.id, packet, missing),
            Ok(InterfaceStatus::Available) => {
                let rule = Rule::of(&interface.id, "it is attached to nothing");
                self.deny(kind, packet, Code::InterfaceNotAttached, rule);
            }
            Ok(InterfaceStatus::Other(status)) => {
                let rule = Rule::of(&interface.id, format!("it is {status}"));
                self.deny(kind, packet, Code::InterfaceNotAttached, rule);
            }
        }
    }

    /// What one machine sends to itself never leaves it.
    pub(in crate::evaluate) fn stay(&mut self, source: &Host<'n>, destination: &Host<'n>, packet: &Packet) {
        self.host(source, packet);
        let rule = Rule::of(destination.label(), "it is the source itself: nothing leaves the instance");
        self.allow(GateKind::Destination, packet, rule);
        self.database(destination, packet);
    }
}

/// Whether the two are one instance, or one interface of nobody's.
pub(in crate::evaluate) fn is_same_machine(source: &Host<'_>, destination: &Host<'_>) -> bool {
    let interface = |host: &Host<'_>| host.interface.map(|interface| interface.id.clone());
    let same_interface = source.interface.is_some() && interface(source) == interface(destination);
    same_interface || (source.instance.is_some() && source.instance == destination.instance)
}
