//! The database: whether it is in a state to answer, and on which port (S24, P8, P27, P28).

use crate::evaluate::code::Code;
use crate::evaluate::party::Host;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::Walk;
use crate::network::Missing;

/// States in which RDS's guide says that the instance is up, whatever else goes on.
const UP: [&str; 16] = [
    "available",
    "backing-up",
    "configuring-enhanced-monitoring",
    "configuring-iam-database-auth",
    "configuring-log-exports",
    "converting-to-vpc",
    "delete-precheck",
    "incompatible-option-group",
    "maintenance",
    "modifying",
    "moving-to-vpc",
    "renaming",
    "resetting-master-credentials",
    "storage-config-upgrade",
    "storage-initialization",
    "storage-optimization",
];

/// States in which nobody answers.
const DOWN: [&str; 16] = [
    "creating",
    "deleting",
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "incompatible-credentials",
    "incompatible-network",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "rebooting",
    "restore-error",
    "starting",
    "stopped",
    "stopping",
    "storage-full",
];

impl<'n> Walk<'n> {
    pub(in crate::evaluate) fn database(&mut self, host: &Host<'n>, packet: &Packet) {
        let Some(database) = host.database else { return };
        match database.status.get() {
            Err(missing) => self.unknown(GateKind::Database, &database.id, packet, missing),
            Ok(status) if UP.contains(&status.as_str()) => {
                self.allow(GateKind::Database, packet, Rule::of(&database.id, format!("it is {status}")));
            }
            Ok(status) if DOWN.contains(&status.as_str()) => {
                let rule = Rule::of(&database.id, format!("it is {status}"));
                self.deny(GateKind::Database, packet, Code::DatabaseNotAvailable, rule);
            }
            Ok(status) => {
                let because = format!("whether it answers while its status is {status} is not known");
                self.unknown(
                    GateKind::Database,
                    &database.id,
                    packet,
                    Missing::new(database.id.to_string(), because),
                );
            }
        }
        if let Some((_, port)) = &database.endpoint
            && !packet.destination_ports.contains(*port)
        {
            let rule = Rule::of(&database.id, format!("it listens on port {port}"));
            self.deny(GateKind::Database, packet, Code::DatabasePort, rule);
        }
    }
}
