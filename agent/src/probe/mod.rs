//! This host as the checker wants to know it: does the client's packet arrive, does sshd listen and let in, does the
//! firewall drop, is there room. Looks and changes nothing; what a door cannot open is unknown, never well.

mod accounts;
mod database;
mod files;
mod firewall;
mod memory;
mod sockets;
mod sshd;
mod wire;

use std::net::IpAddr;
use std::time::Duration;

use vivarium_checker::host::Facts;
use vivarium_checker::host::facts::Question;

use crate::world::World;

/// How long a program may take that is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is asked.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The address that the client comes from.
    pub client: Option<IpAddr>,
    /// The port that it wants.
    pub port: u16,
    /// As whom it wants to log in.
    pub users: Vec<String>,
    /// How long to watch the wire.
    pub watch: Duration,
    /// The database to look for besides that of the settings: its host and port.
    pub database: Option<(String, u16)>,
    /// Why the settings of this host could not be read, where they could not.
    pub no_settings: Option<String>,
}

/// Looks. The wire is watched first and to the end, everything else meanwhile.
pub async fn look(world: &World, wanted: &Wanted) -> Facts {
    let (arrivals, rest) = tokio::join!(wire::watch(wanted), around(world, wanted));
    // Counted last: a connection that began while we watched is half open now.
    let half_open = sockets::half_open(&world.host, wanted);
    Facts { arrivals, half_open, ..rest }
}

async fn around(world: &World, wanted: &Wanted) -> Facts {
    let host = &world.host;
    let way_back = wire::way_back(wanted.client);
    let (sshd, firewall, killed, database) = tokio::join!(
        sshd::look(host),
        firewall::look(host, wanted, way_back.known().copied().flatten()),
        memory::killed(host),
        database::look(world, wanted),
    );
    let users = accounts::asked_for(host, wanted);
    let accounts = accounts::look(host, &users, wanted, &sshd).await;
    Facts {
        question: Question { client: wanted.client, port: wanted.port, users },
        listeners: sockets::listeners(host),
        half_open: vivarium_checker::host::Told::default(),
        arrivals: vivarium_checker::host::Told::default(),
        tcp_wrappers: files::wrappers(host, wanted.client),
        no_login: files::no_login(host),
        rooms: files::rooms(host, accounts.known().map_or(&[][..], Vec::as_slice)),
        memory: memory::of(host, killed),
        sshd: sshd.facts,
        accounts,
        firewall,
        way_back,
        database,
    }
}
