//! Many instances together: who they are, how they stand, and what was not read of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::read::{self, Compliance, Machine, Ping, Run};
use super::standing::{Instance, Managed, Reported, Standing};
use crate::exit::Exit;

/// Whom somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Ids and Name tags.
    Named(Vec<String>),
    /// Whoever has a tag, with this value where one is said.
    Tagged(String, Option<String>),
}

/// Something that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRead {
    /// What is not known for that.
    pub what: &'static str,
    /// Why.
    pub because: String,
    /// What to do about it.
    pub hint: String,
    /// Whether the answer hangs on it.
    pub matters: bool,
}

/// What was read, as far as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Of whom.
    pub whom: String,
    /// The Region.
    pub region: String,
    /// All of them, the worst first.
    pub instances: Vec<Instance>,
    /// What is missing.
    pub not_read: Vec<NotRead>,
}

/// The answers of AWS; nothing where there is none.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    machines: Option<BTreeMap<String, Machine>>,
    pings: Option<BTreeMap<String, Ping>>,
    runs: BTreeMap<String, Run>,
    unread: BTreeSet<String>,
    compliance: Option<BTreeMap<String, Compliance>>,
}

impl Whom {
    /// A tag as it is typed: `Key=Value`, or a key alone.
    pub fn tagged(tag: &str) -> Self {
        match tag.split_once('=') {
            Some((key, value)) => Self::Tagged(key.to_owned(), Some(value.to_owned())),
            None => Self::Tagged(tag.to_owned(), None),
        }
    }

    /// In words.
    pub fn said(&self) -> String {
        match self {
            Self::Named(words) => words.join(", "),
            Self::Tagged(key, Some(value)) => format!("tag {key}={value}"),
            Self::Tagged(key, None) => format!("tag {key}"),
        }
    }
}

/// Whether a word is an id rather than a name.
pub fn is_id(word: &str) -> bool {
    let digits = word.strip_prefix("i-").or_else(|| word.strip_prefix("mi-")).unwrap_or_default();
    digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Answers {
    /// EC2's answers: those that it gave to each question.
    pub fn described(&mut self, answers: &[Value]) {
        self.machines = Some(answers.iter().flat_map(read::machines).collect());
    }

    /// Systems Manager's word about whom it hears of.
    pub fn pinged(&mut self, rows: &[Value]) {
        self.pings = Some(read::pings(rows));
    }

    /// What is in inventory.
    pub fn ran(&mut self, entities: &[Value]) {
        self.runs.extend(read::runs(entities));
    }

    /// Whose inventory was not read.
    pub fn not_ran(&mut self, instances: &[String]) {
        self.unread.extend(instances.iter().cloned());
    }

    /// What is in compliance.
    pub fn complied(&mut self, rows: &[Value]) {
        self.compliance = Some(read::compliance(rows));
    }

    /// All ids that are known so far, or were said.
    pub fn ids(&self, whom: &Whom) -> Vec<String> {
        let said = match whom {
            Whom::Named(words) => words.iter().filter(|word| is_id(word)).cloned().collect(),
            Whom::Tagged(..) => Vec::new(),
        };
        let machines = self.machines.iter().flatten();
        let standing = machines.filter(|(_, machine)| machine.state != "terminated").map(|(id, _)| id);
        let known = standing.chain(self.pings.iter().flat_map(BTreeMap::keys));
        let all: BTreeSet<String> = known.cloned().chain(said).collect();
        all.into_iter().collect()
    }

    /// Whether somebody has nothing in inventory, so that compliance is worth asking.
    pub fn lacks_a_run(&self, ids: &[String]) -> bool {
        ids.iter().any(|id| !self.runs.contains_key(id))
    }

    /// All of it together.
    pub fn survey(&self, whom: &Whom, region: &str, not_read: Vec<NotRead>) -> Survey {
        let mut instances: Vec<Instance> = self.ids(whom).into_iter().map(|id| self.instance(id)).collect();
        instances.extend(self.names_without_an_instance(whom));
        instances.sort_by_key(|one| (one.standing(), one.name().map(str::to_owned), one.id.clone()));
        Survey { whom: whom.said(), region: region.to_owned(), instances, not_read }
    }

    fn instance(&self, id: String) -> Instance {
        let machine = self.machines.as_ref().and_then(|all| all.get(&id)).cloned();
        let managed = match &self.pings {
            None => Managed::NotRead,
            Some(pings) => pings.get(&id).cloned().map_or(Managed::NotKnown, Managed::Known),
        };
        let reported = self.reported(&id);
        let nobody = self.machines.is_some() && machine.is_none() && managed == Managed::NotKnown;
        let found = !nobody || reported != Reported::Never;
        Instance { id, found, machine, managed, reported }
    }

    fn reported(&self, id: &str) -> Reported {
        if let Some(run) = self.runs.get(id) {
            return Reported::Run(run.clone());
        }
        match &self.compliance {
            Some(all) if all.contains_key(id) => Reported::Compliance(all[id].clone()),
            _ if self.unread.contains(id) => Reported::NotRead("inventory"),
            None => Reported::NotRead("compliance, of which inventory has nothing,"),
            Some(_) => Reported::Never,
        }
    }

    fn names_without_an_instance(&self, whom: &Whom) -> Vec<Instance> {
        let Whom::Named(words) = whom else { return Vec::new() };
        let is_known = |word: &str| {
            let named = |machine: &Machine| machine.name.as_deref() == Some(word);
            is_id(word) || self.machines.iter().flat_map(BTreeMap::values).any(named)
        };
        // Without EC2's word, whoever Systems Manager gave for the name has it, and does not say so.
        let told = self.machines.is_some() || self.pings.as_ref().is_none_or(BTreeMap::is_empty);
        let unknown = words.iter().filter(|word| told && !is_known(word));
        unknown.map(|word| self.nobody(word)).collect()
    }

    fn nobody(&self, word: &str) -> Instance {
        let found = self.machines.is_none() && self.pings.is_none();
        Instance {
            id: word.to_owned(),
            found,
            machine: None,
            managed: Managed::NotRead,
            reported: Reported::NotRead("Systems Manager"),
        }
    }
}

impl Survey {
    /// How many stand so.
    pub fn count(&self, standing: Standing) -> usize {
        self.instances.iter().filter(|one| one.standing() == standing).count()
    }

    /// What a script must hear.
    pub fn exit(&self) -> Exit {
        let hidden = self.not_read.iter().any(|one| one.matters);
        match () {
            () if self.count(Standing::Failed) > 0 => Exit::NotReachable,
            () if hidden || self.instances.is_empty() || self.count(Standing::Unknown) > 0 => Exit::Unknown,
            () => Exit::Reachable,
        }
    }

    /// The first line, and what programs are told.
    pub fn summary(&self) -> String {
        let (all, failed, unknown) =
            (self.instances.len(), self.count(Standing::Failed), self.count(Standing::Unknown));
        let instances = if all == 1 { "instance" } else { "instances" };
        match (all, failed, unknown) {
            (0, ..) => format!("no instance in {} with {} is known", self.region, self.whom),
            (_, 0, 0) if self.exit() == Exit::Unknown => {
                format!("{all} {instances} reported that all is well, and there may be others")
            }
            (_, 0, 0) => format!("{all} {instances} reported that all is well"),
            (_, 0, unknown) => format!("{unknown} of {all} {instances} cannot be told"),
            (_, failed, 0) => format!("{failed} of {all} {instances} failed"),
            (_, failed, unknown) => {
                format!("{failed} of {all} {instances} failed, and {unknown} cannot be told")
            }
        }
    }

    /// The word before it.
    pub fn verdict(&self) -> &'static str {
        match self.exit() {
            Exit::Reachable => "ok",
            Exit::NotReachable => "failed",
            Exit::Usage | Exit::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::standing::tests::{instance, ping, run};
    use super::*;

    fn survey(instances: Vec<Instance>, not_read: Vec<NotRead>) -> Survey {
        Survey { whom: "tag a".into(), region: "eu-central-1".into(), instances, not_read }
    }

    fn hidden(matters: bool) -> NotRead {
        NotRead { what: "names", because: "denied".into(), hint: String::new(), matters }
    }

    #[test]
    fn one_failure_outweighs_what_is_not_known_and_that_outweighs_what_is_well() {
        let one = |verdict: &str| instance(ping("Online"), Reported::Run(run(verdict)));
        let never = || instance(ping("Online"), Reported::Never);
        let exit = |instances| survey(instances, Vec::new()).exit();
        assert_eq!(exit(vec![one("ok"), one("degraded")]), Exit::Reachable);
        assert_eq!(exit(vec![one("ok"), never()]), Exit::Unknown);
        assert_eq!(exit(vec![one("ok"), never(), one("failed")]), Exit::NotReachable);
        assert_eq!(exit(Vec::new()), Exit::Unknown, "nobody was looked at");
    }

    #[test]
    fn what_was_not_read_counts_where_others_may_hide_behind_it() {
        let well = || vec![instance(ping("Online"), Reported::Run(run("ok")))];
        assert_eq!(survey(well(), vec![hidden(false)]).exit(), Exit::Reachable);
        assert_eq!(survey(well(), vec![hidden(true)]).exit(), Exit::Unknown);
    }

    #[test]
    fn a_word_is_an_id_or_a_name() {
        for id in ["i-0123456789abcdef0", "i-01234567", "mi-0123456789abcdef0"] {
            assert!(is_id(id), "{id}");
        }
        for name in ["box", "i-box", "i-", "my-instance", "i-0123"] {
            assert!(!is_id(name), "{name}");
        }
    }

    #[test]
    fn a_tag_is_a_key_with_or_without_a_value() {
        assert_eq!(Whom::tagged("a=b=c"), Whom::Tagged("a".into(), Some("b=c".into())));
        assert_eq!(Whom::tagged("a="), Whom::Tagged("a".into(), Some(String::new())));
        assert_eq!(Whom::tagged("a"), Whom::Tagged("a".into(), None));
    }

    #[test]
    fn a_name_is_missing_only_where_it_was_looked_for() {
        let whom = Whom::Named(vec!["box".into()]);
        let of = |answers: &Answers| answers.survey(&whom, "eu-central-1", Vec::new()).instances;
        let mut answers = Answers::default();
        assert!(of(&answers)[0].found, "nobody answered");
        answers.pinged(&[]);
        assert!(!of(&answers)[0].found, "Systems Manager has none of the name");
        answers.pinged(&[json!({ "InstanceId": "i-01234567", "PingStatus": "Online" })]);
        let told: Vec<String> = of(&answers).into_iter().map(|one| one.id).collect();
        assert_eq!(told, ["i-01234567"], "it has one, whose tags it does not tell");
    }

    #[test]
    fn of_a_fleet_who_was_terminated_is_not_told_any_more() {
        let row = |id: &str, state: &str| json!({ "InstanceId": id, "State": { "Name": state } });
        let rows = [row("i-00000001", "running"), row("i-00000002", "terminated")];
        let mut answers = Answers::default();
        answers.described(&[json!({ "Reservations": [{ "Instances": rows }] })]);
        assert_eq!(answers.ids(&Whom::tagged("a")), ["i-00000001"]);
        let named = Whom::Named(vec!["i-00000002".into()]);
        assert!(answers.ids(&named).contains(&"i-00000002".to_owned()));
    }
}
