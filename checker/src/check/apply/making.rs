//! Makes the changes, one after another: noted on disk before each call, so that whatever happens then, it is known
//! what may have been made.

use crate::aws::change::{self, Consent, Refused, Writer, is_made};
use crate::check::configuration::Configuration;
use crate::check::{self, Trouble, live};
use crate::network::Change;
use crate::probe::clock::Watch;
use crate::save::changes::{Event, Kept, Plan, Step};

use super::Hands;

/// What became of the changes.
#[derive(Debug, Default)]
pub struct Made {
    /// So many were made.
    pub count: usize,
    /// What ended it before all were.
    pub failure: Option<Failure>,
}

/// What ended it.
#[derive(Debug)]
pub struct Failure {
    /// At which change.
    pub number: usize,
    /// Why.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// Keeps on disk what is about to be changed.
pub fn begin(
    question: String,
    what: Vec<String>,
    steps: Vec<Step>,
    network: &Configuration,
    hands: &Hands<'_>,
) -> Result<Kept, Trouble> {
    let asked = check::asked(hands.cli, hands.settings);
    let vpcs = network.network.iter().flat_map(|network| network.vpcs.iter()).map(|(id, _)| id.to_string());
    let plan = Plan {
        version: Plan::VERSION,
        at: Watch::start().at().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        question,
        profile: asked.profile,
        region: asked.region,
        endpoint: asked.endpoint,
        vpcs: vpcs.collect(),
        what,
        steps,
    };
    Kept::begin(&hands.folder(), plan).map_err(|error| {
        let hint = "nothing was changed; make the folder writable, or name another with XDG_STATE_HOME";
        let folder = hands.folder();
        Trouble::unknown(format!("keeping how to undo it in {}: {error}", folder.display()), hint)
    })
}

/// Makes them until one fails.
pub async fn make(kept: &mut Kept, consent: Consent, before: &Configuration, hands: &Hands<'_>) -> Made {
    let mut made = Made::default();
    let failed = |number, (why, hint)| Some(Failure { number, why, hint });
    let writer = match writer(kept, consent, hands).await {
        Ok(writer) => writer,
        Err(why) => return Made { failure: failed(0, (why, "nothing was changed".into())), ..made },
    };
    let steps: Vec<Change> = kept.plan.steps.iter().map(|step| step.change.clone()).collect();
    for (number, change) in steps.iter().enumerate() {
        hands.terminal.changes();
        let outcome = one(number, change, kept, &writer, before).await;
        if let Err(why) = outcome {
            made.failure = failed(number, why);
            return made;
        }
        made.count += 1;
    }
    made
}

/// Whoever changes something for this plan: in its Region, with its profile.
pub async fn writer(kept: &Kept, consent: Consent, hands: &Hands<'_>) -> Result<Writer, String> {
    let settings = live::way(&asked(kept), hands.surroundings).await?;
    Writer::new(settings, consent).map_err(|failure| format!("{failure}; {}", failure.hint()))
}

/// Whom to ask about a plan.
pub fn asked(kept: &Kept) -> crate::aws::profile::Wanted {
    let Plan { profile, region, endpoint, .. } = kept.plan.clone();
    crate::aws::profile::Wanted { profile, region, endpoint }
}

type Why = (String, String);

async fn one(
    number: usize,
    change: &Change,
    kept: &mut Kept,
    writer: &Writer,
    before: &Configuration,
) -> Result<(), Why> {
    if before.network.as_ref().and_then(|network| is_made(change, network)) == Some(true) {
        return Err(("it is made already".into(), "look again: somebody else may be at it".into()));
    }
    note(kept, Event::Begun(number))?;
    let mut allocated: Option<String> = None;
    for (place, call) in change::make(change).into_iter().enumerate() {
        let call = match &allocated {
            Some(id) => call.allocated(id),
            None => call,
        };
        if call.needs_allocation() {
            let hint = "see with `aws ec2 describe-addresses` whether one stands for nothing, and release it";
            return Err(("AWS did not say which address it has allocated".into(), hint.into()));
        }
        match writer.say(&call).await {
            Ok(said) => {
                if let Some(id) = said.word("allocationId") {
                    note(kept, Event::Allocated(number, id.clone()))?;
                    allocated = Some(id);
                }
            }
            Err(refused) => {
                // What came before it stands, and what may have been made is not said to be refused.
                if place == 0 && !refused.is_uncertain() {
                    note(kept, Event::Refused(number))?;
                }
                return Err(in_words(&refused));
            }
        }
    }
    note(kept, Event::Made(number))
}

fn in_words(refused: &Refused) -> Why {
    (refused.to_string(), refused.hint())
}

fn note(kept: &mut Kept, event: Event) -> Result<(), Why> {
    let path = kept.path.display().to_string();
    kept.note(event).map_err(|error| {
        let hint = "make room on the disk; what is shown as undone by is how to go back by hand";
        (format!("keeping how to undo it in {path}: {error}"), hint.to_owned())
    })
}
