//! The machine itself, where AWS tells of it: status checks, scheduled events, what it said on its console, and when
//! it was started (H20, H21, H22).

use jiff::{SignedDuration, Timestamp};

use super::case::Case;
use super::diagnosis::{Confidence, Finding, Side, Warning};
use super::seen::Seen;
use super::subject;
use crate::network::{
    ConsoleOutput, ConsoleTrouble, ConsoleTroubleKind, Instance, InstanceStatus, Kind, Missing,
    ScheduledEvent,
};
use crate::probe::observation::{Observation, Outcome};

/// Younger than that, an instance may still be booting.
const BOOTING: SignedDuration = SignedDuration::from_mins(3);
/// A scheduled event that is nearer than that is worth a warning.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 14);

/// What is wrong with the machine, where it does not answer as it should.
pub fn findings(case: &Case, seen: Seen, one: Option<&Observation>) -> Vec<Finding> {
    let silent = matches!(one.map(|one| &one.outcome), Some(Outcome::Silent));
    let mute = seen == Seen::TimedOut || (seen == Seen::Connected && silent);
    let (Some(instance), Some(network)) = (subject::instance(case), case.network) else { return Vec::new() };
    if !mute && seen != Seen::Refused {
        return Vec::new();
    }
    let status = network.instance_statuses.get(&instance.id);
    let console = network.console_outputs.get(&instance.id);
    let by_aws = status.and_then(|status| hardware(instance, status, one));
    let impaired = status.filter(|status| fails(status.instance.as_ref()));
    let own = match (impaired, console.and_then(|console| worst(console, mute))) {
        (Some(status), trouble) => Some(impaired_instance(instance, status, trouble, one)),
        (None, Some(trouble)) => Some(told_by_console(instance, trouble, status, one)),
        (None, None) => None,
    };
    by_aws.into_iter().chain(own).collect()
}

fn fails(check: Option<&String>) -> bool {
    check.is_some_and(|check| check == "impaired")
}

/// H22: AWS's own machine.
fn hardware(instance: &Instance, status: &InstanceStatus, one: Option<&Observation>) -> Option<Finding> {
    let now = one.map(|one| one.at);
    let under_way = status.events.iter().find(|event| is_under_way(event, now));
    let impaired = fails(status.system.as_ref());
    if !impaired && under_way.is_none() {
        return None;
    }
    let id = &instance.id;
    let finding =
        Finding::new("H22", Side::Host, format!("the machine that {id} runs on fails: it is AWS's to mend"))
            .seen(one)
            .read(format!("system status check of {id}: {}", status.system.as_deref().unwrap_or("not told")));
    let finding = under_way.into_iter().fold(finding, |finding, event| finding.read(event_line(event)));
    Some(
        finding
            .confidence(if impaired { Confidence::Certain } else { Confidence::Likely })
            .refuted_by("`aws ec2 describe-instance-status` says that the system status is ok, and it still does not answer")
            .hint(format!(
                "wait, or move it to another machine: `aws ec2 stop-instances --instance-ids {id}` and start it again; \
                 its public address stays only if it is an Elastic IP"
            )),
    )
}

fn is_under_way(event: &ScheduledEvent, now: Option<Timestamp>) -> bool {
    !event.is_over() && event.not_before.zip(now).is_some_and(|(begins, now)| begins <= now)
}

fn event_line(event: &ScheduledEvent) -> String {
    let when = event.not_before.map(|when| format!(" not before {when}")).unwrap_or_default();
    let words = event.description.as_deref().map(|words| format!(": {words}")).unwrap_or_default();
    format!("scheduled event {}{when}{words}", event.code)
}

/// The worst of what the console tells. Where the machine refuses, it is up, and only what killed sshd counts.
fn worst(console: &ConsoleOutput, mute: bool) -> Option<&ConsoleTrouble> {
    console.troubles.iter().find(|trouble| {
        mute || (trouble.kind == ConsoleTroubleKind::OutOfMemory && trouble.line.contains("sshd"))
    })
}

/// H21, or H20 where it ran out of memory: EC2 says that it fails, and its console says of what.
fn impaired_instance(
    instance: &Instance,
    status: &InstanceStatus,
    trouble: Option<&ConsoleTrouble>,
    one: Option<&Observation>,
) -> Finding {
    let id = &instance.id;
    let finding = match trouble {
        Some(trouble) => of_trouble(instance, trouble, one),
        None => Finding::new(
            "H21",
            Side::Host,
            format!("{id} fails its status check: it did not boot, or it hangs"),
        )
        .seen(one)
        .hint(format!(
            "`aws ec2 get-console-output --instance-id {id} --latest` says where it stopped; then reboot it"
        )),
    };
    let check = status.instance.as_deref().unwrap_or_default();
    finding.read(format!("instance status check of {id}: {check}")).refuted_by(
        "`aws ec2 describe-instance-status` says that its status is ok, and it still does not answer",
    )
}

fn told_by_console(
    instance: &Instance,
    trouble: &ConsoleTrouble,
    status: Option<&InstanceStatus>,
    one: Option<&Observation>,
) -> Finding {
    let check = status.and_then(|status| status.instance.as_deref());
    let finding = of_trouble(instance, trouble, one)
        .confidence(Confidence::Likely)
        .refuted_by("the console's line is of an earlier start, which `--latest` does not show any more");
    match check {
        Some(check) => finding.read(format!("instance status check of {}: {check}", instance.id)),
        None => finding,
    }
}

fn of_trouble(instance: &Instance, trouble: &ConsoleTrouble, one: Option<&Observation>) -> Finding {
    let id = &instance.id;
    let (symptom, what, hint) = match trouble.kind {
        ConsoleTroubleKind::KernelPanic => (
            "H21",
            "its kernel has panicked",
            "start it from the kernel before, or mend its root volume from another instance",
        ),
        ConsoleTroubleKind::EmergencyMode | ConsoleTroubleKind::MountFailed => (
            "H21",
            "it did not boot: it waits in emergency mode for somebody to mend /etc/fstab",
            "over the serial console, or from another instance with its root volume, mend /etc/fstab; data volumes \
             want `nofail`",
        ),
        ConsoleTroubleKind::NoSpaceLeft => (
            "H21",
            "its disk is full",
            "grow the volume (`aws ec2 modify-volume`) or free some of it over the serial console, then reboot it",
        ),
        ConsoleTroubleKind::OutOfMemory => (
            "H20",
            "it has run out of memory, and the kernel has killed what it needed",
            "reboot it, and give it more memory or swap; `aws cloudwatch` has CPUCreditBalance and CPUUtilization",
        ),
    };
    Finding::new(symptom, Side::Host, format!("{id} does not work: {what}"))
        .seen(one)
        .read(format!("console of {id}: {}", trouble.line))
        .hint(hint)
}

/// H23: an instance that was started a moment ago.
pub fn booting(case: &Case, one: Option<&Observation>) -> Option<String> {
    let instance = subject::instance(case)?;
    let age = one?.at.duration_since(instance.launch_time?);
    (age < BOOTING && !age.is_negative()).then(|| {
        format!(
            "{} was started {} s before: it may still be booting, so look again in two minutes",
            instance.id,
            age.as_secs()
        )
    })
}

/// What AWS is going to do to a healthy machine.
pub fn warnings(case: &Case) -> Vec<Warning> {
    let (Some(instance), Some(network)) = (subject::instance(case), case.network) else { return Vec::new() };
    let now = case.observations.first().map(|one| one.at);
    let events = network.instance_statuses.get(&instance.id).into_iter().flat_map(|status| &status.events);
    let near = |event: &&ScheduledEvent| {
        let left = event.not_before.zip(now).map(|(begins, now)| begins.duration_since(now));
        !event.is_over() && left.is_some_and(|left| left < SOON)
    };
    let warning = |event: &ScheduledEvent| Warning {
        symptom: Some("H22"),
        line: format!("{}: {}", instance.id, event_line(event)),
        hint: "stop and start it before at an hour of your own: it moves to another machine".into(),
    };
    events.filter(near).map(warning).collect()
}

/// H40: on these the table of connections forgets after 350 seconds what says nothing.
pub fn forgets_soon(case: &Case) -> Option<Warning> {
    let instance = subject::instance(case)?;
    let kind = instance.instance_type.as_deref().filter(|kind| is_nitro_v6(kind))?;
    Some(Warning {
        symptom: Some("H40"),
        line: format!(
            "{} is a {kind}: a connection that is silent for 350 s is forgotten, and freezes",
            instance.id
        ),
        hint: "ServerAliveInterval 60 in ~/.ssh/config, and tcp_keepalives_idle = 60 for PostgreSQL".into(),
    })
}

/// Families of the eighth generation, but for those of Graviton4 with no network of its own, and Blackwell.
fn is_nitro_v6(kind: &str) -> bool {
    let family = kind.split('.').next().unwrap_or_default();
    let eighth = ["c8", "m8", "r8", "x8"].iter().find_map(|begin| family.strip_prefix(begin));
    eighth.is_some_and(|rest| !matches!(rest, "g" | "gd")) || family.starts_with("p6-b")
}

/// What AWS refused to tell of a machine that does not answer.
pub fn unread(case: &Case, seen: Seen) -> Vec<Missing> {
    let Some(network) = case.network.filter(|_| seen == Seen::TimedOut || seen == Seen::Connected) else {
        return Vec::new();
    };
    let of_instance = [
        network.instance_statuses.unread(Kind::InstanceStatuses),
        network.console_outputs.unread(Kind::ConsoleOutput),
    ];
    let wanted = of_instance.into_iter().filter(|_| subject::instance(case).is_some());
    wanted.filter(|missing| missing.refused).collect()
}
