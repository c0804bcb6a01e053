//! A second host at the end of a wire: a network namespace of its own, with rules of its own, gone when dropped.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use nix::sched::{CloneFlags, setns};

use crate::support::run;

/// The address of the far host.
pub(crate) const FAR: &str = "10.20.0.2";
/// The same in version 6.
pub(crate) const FAR_6: &str = "fd20::2";
/// The address of this side, as the far host sees it.
pub(crate) const NEAR: &str = "10.20.0.1";

/// A host that answers at [`FAR`].
pub(crate) struct Far {
    holder: Child,
}

impl Far {
    /// Two ends of a wire, both up.
    #[expect(clippy::disallowed_methods, reason = "this is where the tests hold a namespace open")]
    pub(crate) fn new() -> Self {
        // The namespace lives as long as a process in it; `cat` ends with our end of its pipe at the latest.
        let holder = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut far = Self { holder: holder.expect("unshare is installed") };
        far.wait_until_apart();
        let id = far.holder.id().to_string();
        run("ip", ["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &id]);
        for words in
            ["addr add 10.20.0.1/24 dev near", "addr add fd20::1/64 dev near nodad", "link set near up"]
        {
            run("ip", words.split(' '));
        }
        for words in [
            "ip link set lo up",
            "ip addr add 10.20.0.2/24 dev far",
            "ip addr add fd20::2/64 dev far nodad",
            "ip link set far up",
        ] {
            far.run(words);
        }
        far
    }

    /// Its first byte comes back once it is in a namespace of its own.
    fn wait_until_apart(&mut self) {
        use std::io::Read;
        let (input, output) = (self.holder.stdin.as_mut(), self.holder.stdout.as_mut());
        input.expect("piped").write_all(b"x").expect("written");
        output.expect("piped").read_exact(&mut [0]).expect("echoed");
    }

    /// Runs a command there.
    pub(crate) fn run(&self, words: &str) {
        let id = self.holder.id().to_string();
        run("nsenter", ["-t", &id, "-n"].into_iter().chain(words.split(' ')));
    }

    /// One rule for what comes in, in the words of nft.
    pub(crate) fn on_the_way_in(&self, rule: &str) {
        self.rule("input", rule);
    }

    /// One rule for what goes out.
    pub(crate) fn on_the_way_out(&self, rule: &str) {
        self.rule("output", rule);
    }

    fn rule(&self, hook: &str, rule: &str) {
        self.run("nft add table inet rules");
        self.run(&format!("nft add chain inet rules {hook} {{ type filter hook {hook} priority 0 ; }}"));
        self.run(&format!("nft add rule inet rules {hook} {rule}"));
    }

    /// Listens there.
    pub(crate) fn listens(&self, port: u16) -> TcpListener {
        let address = SocketAddr::new("::".parse().expect("an address"), port);
        let namespace = File::open(format!("/proc/{}/ns/net", self.holder.id())).expect("it runs");
        // Only the thread that opens the socket enters; a listener stays in the network it was made in.
        std::thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("entered");
            TcpListener::bind(address).expect("a port of a network of our own")
        })
        .join()
        .expect("it listens")
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
