//! Whom a rule would have to name: the other end, and nobody else.

use std::net::IpAddr;

use super::group::is_egress;
use crate::evaluate::Gate;
use crate::explain::case::Case;
use crate::network::IpNet;

/// The other end, as the gate sees it.
pub fn address(gate: &Gate) -> IpAddr {
    if is_egress(gate) { gate.packet.destination } else { gate.packet.source }
}

/// The block to name: the address alone, or the block that was asked for. Of a question about the whole internet
/// there is none: nothing is ever opened to everybody.
pub fn block(gate: &Gate, case: &Case) -> Option<IpNet> {
    let address = address(gate);
    if case.stands_for_everybody(address) {
        return None;
    }
    let asked = case.trace.map(|trace| trace.flow.from.as_str()).unwrap_or_default();
    match asked.parse::<IpNet>() {
        Ok(block) if block.contains(&address) => (block.prefix_len() > 0).then_some(block.trunc()),
        _ => Some(IpNet::from(address)),
    }
}
