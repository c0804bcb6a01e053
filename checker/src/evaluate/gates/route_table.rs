//! Route tables: the longest prefix wins, and what it leads to decides, also when that is gone (R1 to R5).

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::evaluate::code::Code;
use crate::evaluate::trace::{GateKind, Outcome, Packet, Rule, Which};
use crate::evaluate::walk::{At, Walk};
use crate::network::{
    EndpointKind, Kind, Missing, Network, Route, RouteDestination, RouteOrigin, RouteState, RouteTable,
    Target,
};

/// What a table says of an address.
pub(in crate::evaluate) struct Lookup<'n> {
    pub table: &'n RouteTable,
    pub route: Option<&'n Route>,
    /// Lists whose entries are not known and that are taken not to hold the address.
    pub assumed: Vec<Missing>,
}

impl<'n> Walk<'n> {
    /// Looks the destination up and says where it leads, if the route works.
    pub(in crate::evaluate) fn route(&mut self, at: At<'n>, packet: &Packet) -> Option<&'n Target> {
        let kind = GateKind::RouteTable;
        let lookup = match lookup(self.network, at, packet.destination) {
            Ok(lookup) => lookup,
            Err(missing) => {
                self.unknown(kind, at.subnet, packet, missing);
                return None;
            }
        };
        for missing in lookup.assumed {
            self.assume(kind, &lookup.table.id, packet, missing);
        }
        let Some(route) = lookup.route else {
            let rule = format!("no route leads to {}", packet.destination);
            let which = Which::NoRoute(lookup.table.id.clone());
            let by = Rule { element: lookup.table.id.to_string(), rule, which };
            self.deny(kind, packet, Code::NoRoute, by);
            return None;
        };
        self.pass_route(lookup.table, route, packet)
    }

    fn pass_route(&mut self, table: &'n RouteTable, route: &'n Route, packet: &Packet) -> Option<&'n Target> {
        let kind = GateKind::RouteTable;
        let by = said(table, route);
        if route.state.value() == Some(&RouteState::Untold) {
            let missing =
                Missing::new(format!("the state of {} in {}", by.rule, table.id), "no answer tells it");
            self.assume(kind, &table.id, packet, missing.shown_by(Kind::RouteTables));
        }
        match route.state.get() {
            Ok(RouteState::Active | RouteState::Untold) if route.target != Target::Missing => {
                self.allow(kind, packet, by);
                Some(&route.target)
            }
            Ok(RouteState::Active | RouteState::Untold) => {
                let missing = Missing::new(format!("the target of {}", by.rule), "the route names none")
                    .shown_by(Kind::RouteTables);
                self.unknown(kind, &table.id, packet, missing);
                None
            }
            // R4: it does not fall through to a wider route.
            Ok(RouteState::Blackhole | RouteState::Other(_)) => {
                self.deny(kind, packet, Code::RouteBlackhole, by);
                None
            }
            Err(missing) => {
                self.push(kind, &table.id, packet, Outcome::Unknown { missing });
                None
            }
        }
    }

    /// A route that works leads to where this flow does not go.
    pub(in crate::evaluate) fn leads_elsewhere(&mut self, at: At<'n>, packet: &Packet, code: Code) {
        let found = lookup(self.network, at, packet.destination).ok();
        let by = found.and_then(|found| Some(said(found.table, found.route?)));
        let by = by.unwrap_or_else(|| Rule::of(at.subnet, "its route leads elsewhere"));
        self.deny(GateKind::RouteTable, packet, code, by);
    }
}

/// R1: the subnet's own table, or else the VPC's main one.
fn table_of<'n>(network: &'n Network, at: At<'n>) -> Result<&'n RouteTable, Missing> {
    let tables = &network.route_tables;
    if let Some(own) = tables.values().find(|table| table.subnets.contains(at.subnet)) {
        return Ok(own);
    }
    let main = tables.values().find(|table| table.is_main && &table.vpc == at.vpc);
    main.filter(|_| tables.is_read()).ok_or_else(|| {
        let mut missing = tables.unread(Kind::RouteTables);
        if tables.is_read() {
            missing.because =
                "neither its own nor the main one of its VPC is among those that were read".into();
        }
        missing.what = format!("the route table of {}", at.subnet);
        missing
    })
}

/// The route that an address takes from a subnet.
pub(in crate::evaluate) fn lookup<'n>(
    network: &'n Network,
    at: At<'n>,
    address: IpAddr,
) -> Result<Lookup<'n>, Missing> {
    let table = table_of(network, at)?;
    let mut assumed = Vec::new();
    let mut best: Vec<(Rank, &Route)> = Vec::new();
    for route in table.routes.get()? {
        if let Some(length) = match_length(network, route, address, &mut assumed)? {
            best.push((rank(route, length), route));
        }
    }
    best.sort_by_key(|(rank, _)| Reverse(*rank));
    let route = best.first().map(|(_, route)| *route);
    if let [(first, one), (second, other), ..] = best.as_slice()
        && first == second
        && one.target != other.target
    {
        // R3: AWS picks one of two lists, stably, and does not say which.
        let what = format!("which of {} and {} wins in {}", one.destination, other.destination, table.id);
        return Err(Missing::new(what, "both match equally and lead to different targets"));
    }
    Ok(Lookup { table, route, assumed })
}

/// R2, R3: length first; then static before list before propagated.
type Rank = (u8, u8);

fn rank(route: &Route, length: u8) -> Rank {
    let precedence = match (&route.destination, route.origin) {
        (RouteDestination::Cidr(_), RouteOrigin::Static) => 2,
        (RouteDestination::PrefixList(_), _) => 1,
        (_, RouteOrigin::Propagated) | (RouteDestination::Unreadable(_), _) => 0,
    };
    (length, precedence)
}

fn match_length(
    network: &Network,
    route: &Route,
    address: IpAddr,
    assumed: &mut Vec<Missing>,
) -> Result<Option<u8>, Missing> {
    match &route.destination {
        RouteDestination::Cidr(block) => Ok(block.contains(&address).then_some(block.prefix_len())),
        RouteDestination::PrefixList(id) => {
            let list = network.prefix_lists.find(Kind::PrefixListEntries, id);
            match list.and_then(|list| list.entries.get()) {
                Ok(entries) => {
                    let hits = entries.iter().filter(|block| block.contains(&address));
                    Ok(hits.map(ipnet::IpNet::prefix_len).max())
                }
                // The list of a gateway endpoint holds a service's public addresses: nobody else's.
                Err(missing) if leads_to_service(network, &route.target) && !missing.refused => {
                    if !super::super::party::is_on_premises(address) {
                        let what = format!("whether {address} is in {id}");
                        assumed.push(Missing { what, ..missing });
                    }
                    Ok(None)
                }
                Err(missing) => Err(missing),
            }
        }
        RouteDestination::Unreadable(what) => {
            Err(Missing::new(what.clone(), "this route may lead there").shown_by(Kind::RouteTables))
        }
    }
}

fn leads_to_service(network: &Network, target: &Target) -> bool {
    let Target::Endpoint(id) = target else { return false };
    network.vpc_endpoints.get(id).is_none_or(|endpoint| endpoint.kind == EndpointKind::Gateway)
}

pub(in crate::evaluate) fn said(table: &RouteTable, route: &Route) -> Rule {
    let state = match route.state.value() {
        Some(RouteState::Active | RouteState::Untold) | None => "",
        Some(RouteState::Blackhole) => " (blackhole)",
        Some(RouteState::Other(_)) => " (not active)",
    };
    Rule {
        element: table.id.to_string(),
        rule: format!("route {} to {}{state}", route.destination, route.target),
        which: Which::Route {
            table: table.id.clone(),
            destination: route.destination.clone(),
            target: route.target.clone(),
        },
    }
}
