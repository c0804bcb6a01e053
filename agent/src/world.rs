//! Everything a command needs that comes from outside this program, put together once.

use std::rc::Rc;

use vivarium_bootstrap::host::http::{Http, HttpOptions, Proxies};
use vivarium_bootstrap::host::{Host, block, processes};
use vivarium_bootstrap::journal::Journal;
use vivarium_bootstrap::plan;
use vivarium_bootstrap::step::Step;

use crate::boot::InstallUnit;
use crate::cloud::{Cloud, SecretLogins};
use crate::config::Config;
use crate::database::{DatabaseProof, Logins};
use crate::deliver::queue::Queue;
use crate::imds::Patience;
use crate::progress;

const JOURNAL: &str = "/var/lib/vivarium/journal.jsonl";
const QUEUE: &str = "/var/lib/vivarium/queue";

/// The settings, the host, and AWS around it.
pub struct World {
    /// What is asked.
    pub config: Config,
    /// Of whom.
    pub host: Host,
    /// What is around it.
    pub cloud: Rc<Cloud>,
    /// The reports that wait.
    pub queue: Queue,
}

impl World {
    /// The world that these settings and these variables of the environment describe.
    pub fn new(config: Config, patience: Patience, variable: impl Fn(&str) -> Option<String>) -> Self {
        let http = Http::new(HttpOptions {
            proxies: Proxies::from_variables(variable),
            ca_file: config.host.download.ca_file.clone(),
            ..HttpOptions::default()
        });
        let host = Host::new(
            "/",
            Box::new(processes::System),
            http,
            Box::new(block::System),
            progress::for_stderr(),
            Journal::at(JOURNAL),
        );
        let (cloud, queue) = (Rc::new(Cloud::new(config.aws.clone(), patience)), Queue::at(host.path(QUEUE)));
        Self { config, host, cloud, queue }
    }

    /// The steps, in order: the unit that goes on at the next boot where this run is cut off, the host's, and the
    /// proof of the database.
    pub fn steps(&self) -> Vec<Box<dyn Step>> {
        let mut steps: Vec<Box<dyn Step>> = vec![Box::new(InstallUnit { asked: self.config.run.boot_unit })];
        steps.extend(plan::plan(&self.config.host));
        steps.push(Box::new(self.database()));
        steps
    }

    fn database(&self) -> DatabaseProof {
        let interpreter = self.config.host.anaconda.prefix.join("bin/python");
        let asked = self.config.database.clone().map(|database| {
            let settings = database.settings.clone();
            let logins: Box<dyn Logins> = Box::new(SecretLogins { cloud: Rc::clone(&self.cloud), database });
            (settings, logins)
        });
        DatabaseProof::new(interpreter, asked)
    }
}
