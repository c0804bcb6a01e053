//! The door to this host's firewall: its rules as `nft` and `iptables-save` print them, decided for one packet.

use std::net::IpAddr;

use vivarium_bootstrap::host::Host;
use vivarium_bootstrap::host::processes::Command;
use vivarium_checker::host::Told;
use vivarium_checker::host::firewall::{Decision, Packet, decide};

use super::{PATIENCE, Wanted, wire};

/// Of longer outputs only the end is kept.
const KEPT: usize = 64 * 1024;

/// What becomes of the client's first packet.
pub(super) async fn look(host: &Host, wanted: &Wanted, own: Option<IpAddr>) -> Told<Decision> {
    let Some(client) = wanted.client else {
        return Told::Unknown("the client's address was not said".to_owned());
    };
    let save = if client.is_ipv4() { "iptables-save" } else { "ip6tables-save" };
    let (nft, iptables) = tokio::join!(
        said(host, Command::new("nft").args(["-j", "list", "ruleset"])),
        said(host, Command::new(save)),
    );
    let packet =
        Packet { source: client, destination: own, port: wanted.port, device: own.and_then(wire::device) };
    decide(&nft, &iptables, &packet)
}

async fn said(host: &Host, command: Command) -> Told<String> {
    let name = command.program.display().to_string();
    match host.processes.run(command.deadline(PATIENCE)).await {
        Ok(output) if output.success() && output.stdout.len() >= KEPT => {
            Told::Unknown(format!("{name} prints more rules than are read here"))
        }
        Ok(output) if output.success() => Told::Known(output.text()),
        Ok(output) => Told::Unknown(format!("{name}: {}", output.last_words())),
        Err(error) => Told::Unknown(error.to_string()),
    }
}
