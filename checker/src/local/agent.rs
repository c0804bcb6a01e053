//! ssh-agent, asked how many keys it holds: each is offered before the one that is wanted (H37). No key is used.

use std::path::Path;
use std::time::Duration;

/// An agent is on this machine and answers at once, or hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many keys the agent at this socket holds; nothing where none answers.
#[cfg(unix)]
pub async fn keys(socket: &Path) -> Option<usize> {
    use russh::keys::agent::client::AgentClient;
    let asked = async {
        let mut agent = AgentClient::connect_uds(socket).await.ok()?;
        agent.request_identities().await.ok().map(|keys| keys.len())
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

/// How many keys the agent at this socket holds; nothing where none answers.
#[cfg(not(unix))]
pub async fn keys(_socket: &Path) -> Option<usize> {
    None
}
