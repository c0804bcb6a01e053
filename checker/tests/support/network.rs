//! A network, a resolver's files and a thread of one's own: nothing of the machine's is touched or seen.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::run;

/// An address to which packets go and from which none come.
pub(crate) const BLACK_HOLE: &str = "10.9.0.2";
/// An address that a route says cannot be reached.
pub(crate) const UNREACHABLE: &str = "10.8.0.1";
/// An address that a rule of this host forbids.
pub(crate) const PROHIBITED: &str = "10.7.0.1";
/// An address for which there is no route.
pub(crate) const NO_ROUTE: &str = "192.0.2.1";

/// Runs a test in a network and mount namespace of its own, on a thread of its own. Both end with it.
pub(crate) fn inside<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let alone = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("the tests need root");
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("mounts are private");
            routes();
            test()
        });
        alone.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn routes() {
    for words in [
        "link set lo up",
        "link add hole type veth peer name void",
        "addr add 10.9.0.1/24 dev hole",
        "link set void up",
        "link set hole up",
        "neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev hole",
        "route add unreachable 10.8.0.0/24",
        "route add prohibit 10.7.0.0/24",
    ] {
        run("ip", words.split(' '));
    }
}

/// Puts a file of our own over one of the machine's, for this thread and its children only.
pub(crate) fn overlay(folder: &Path, path: &str, content: &str) {
    let name = Path::new(path).file_name().expect("a file's path");
    let own = folder.join(name);
    let already = own.exists();
    fs::write(&own, content).expect("written");
    if !already {
        mount(Some(&own), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("bound");
    }
}
