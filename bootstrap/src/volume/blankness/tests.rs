use proptest::prelude::*;

use super::*;

fn blank() -> Facts {
    Facts {
        same_volume: Some(true),
        size: SMALLEST,
        read_only: Some(false),
        mounts: Vec::new(),
        swap: Some(false),
        holders: Some(Vec::new()),
        partitions: Vec::new(),
        exclusive: Ok(()),
        locked: Ok(()),
        reading: Reading {
            thorough: true,
            bytes: 16 << 20,
            errors: Vec::new(),
            signatures: Vec::new(),
            superblock: None,
            first_nonzero: None,
        },
        second_opinion: Opinion::Nothing,
    }
}

fn ext4() -> Superblock {
    Superblock { kind: "ext4", uuid: "u".to_owned(), bytes: SMALLEST, checksum: Checksum::Right, alone: true }
}

fn mark(family: &'static str, checksum: Checksum) -> Signature {
    Signature { family, offset: 1024, checksum }
}

fn holding_ext4() -> Facts {
    let mut facts = blank();
    facts.reading.superblock = Some(ext4());
    facts.reading.signatures = vec![mark("ext4", Checksum::Right)];
    facts.reading.first_nonzero = Some(1024);
    facts
}

fn read_error() -> ReadError {
    ReadError { offset: 0, cause: "Input/output error".to_owned() }
}

/// One doubt: a way in which a device that seemed blank may not be.
type Doubt = (&'static str, fn(&mut Facts));

const DOUBTS: [Doubt; 26] = [
    ("another volume", |facts| facts.same_volume = Some(false)),
    ("an unknown volume", |facts| facts.same_volume = None),
    ("too small", |facts| facts.size = SMALLEST - 1),
    ("read-only", |facts| facts.read_only = Some(true)),
    ("perhaps read-only", |facts| facts.read_only = None),
    ("mounted", |facts| facts.mounts.push(("/data".to_owned(), "ext4".to_owned()))),
    ("swap", |facts| facts.swap = Some(true)),
    ("perhaps swap", |facts| facts.swap = None),
    ("built on", |facts| facts.holders = Some(vec!["md0".to_owned()])),
    ("perhaps built on", |facts| facts.holders = None),
    ("partitions", |facts| facts.partitions.push("nvme1n1p1".to_owned())),
    ("in use", |facts| facts.exclusive = Err("busy".to_owned())),
    ("locked", |facts| facts.locked = Err("busy".to_owned())),
    ("not read at length", |facts| facts.reading.thorough = false),
    ("a read error", |facts| facts.reading.errors.push(read_error())),
    ("a mark", |facts| facts.reading.signatures.push(mark("gpt", Checksum::Unknown))),
    ("a damaged mark", |facts| facts.reading.signatures.push(mark("xfs", Checksum::Wrong))),
    ("a backup", |facts| facts.reading.signatures.push(mark("ext_backup", Checksum::Unknown))),
    ("a backup table", |facts| facts.reading.signatures.push(mark("gpt_backup", Checksum::Unknown))),
    ("a superblock", |facts| facts.reading.superblock = Some(ext4())),
    ("a damaged superblock", |facts| {
        facts.reading.superblock = Some(Superblock { checksum: Checksum::Wrong, ..ext4() });
    }),
    ("another opinion", |facts| facts.second_opinion = Opinion::Found("vdo".to_owned())),
    ("no opinion", |facts| facts.second_opinion = Opinion::Failed("killed".to_owned())),
    ("an opinion not asked", |facts| facts.second_opinion = Opinion::NotAsked),
    ("a byte", |facts| facts.reading.first_nonzero = Some(0)),
    ("a byte far away", |facts| facts.reading.first_nonzero = Some(1 << 40)),
];
/// The last two of them are what a policy or a typed consent excuses.
const EXCUSABLE: usize = 2;

fn policies() -> impl Strategy<Value = BlankPolicy> {
    prop_oneof![Just(BlankPolicy::Zeros), Just(BlankPolicy::Signatures)]
}

proptest! {
    #[test]
    fn no_facts_with_any_doubt_are_ever_blank(
        doubts in proptest::sample::subsequence(DOUBTS.to_vec(), 1..DOUBTS.len()),
        order in any::<prop::sample::Index>(),
    ) {
        let mut facts = blank();
        let turn = order.index(doubts.len());
        for (_, cast) in doubts[turn..].iter().chain(&doubts[..turn]) {
            cast(&mut facts);
        }
        prop_assert_ne!(decide(&facts, BlankPolicy::Zeros, false), Decision::Blank);
    }

    #[test]
    fn neither_policy_nor_consent_excuses_more_than_unrecognised_bytes(
        doubts in proptest::sample::subsequence(DOUBTS[..DOUBTS.len() - EXCUSABLE].to_vec(), 1..DOUBTS.len() - EXCUSABLE),
        policy in policies(),
        consent in any::<bool>(),
        nonzero in proptest::option::of(any::<u64>()),
    ) {
        let mut facts = blank();
        facts.reading.first_nonzero = nonzero;
        for (_, cast) in doubts {
            cast(&mut facts);
        }
        prop_assert_ne!(decide(&facts, policy, consent), Decision::Blank);
    }

    #[test]
    fn what_is_kept_is_whole_and_alone_on_its_device(
        doubts in proptest::sample::subsequence(DOUBTS.to_vec(), 0..4),
        policy in policies(),
        consent in any::<bool>(),
    ) {
        let mut facts = holding_ext4();
        for (_, cast) in doubts {
            cast(&mut facts);
        }
        if let Decision::Known(kept) = decide(&facts, policy, consent) {
            prop_assert!(facts.reading.errors.is_empty() && facts.partitions.is_empty());
            prop_assert!(kept.checksum == Checksum::Right || !facts.mounts.is_empty());
            prop_assert!(facts.reading.signatures.iter().all(|mark| mark.family != "gpt" && mark.family != "xfs"));
        }
    }
}

#[test]
fn without_any_doubt_it_is_blank() {
    assert_eq!(decide(&blank(), BlankPolicy::Zeros, false), Decision::Blank);
}

#[test]
fn each_doubt_alone_is_enough_and_is_named_with_a_remedy() {
    for (name, cast) in DOUBTS {
        let mut facts = blank();
        cast(&mut facts);
        match decide(&facts, BlankPolicy::Zeros, false) {
            Decision::Refuse(reasons) => assert!(reasons.iter().all(|it| !it.remedy.is_empty()), "{name}"),
            Decision::Known(_) => assert_eq!(name, "a superblock"),
            Decision::Blank => panic!("{name}"),
        }
    }
}

#[test]
fn unrecognised_bytes_are_excused_by_the_policy_or_by_consent() {
    let mut facts = blank();
    facts.reading.first_nonzero = Some(77);
    assert_eq!(decide(&facts, BlankPolicy::Signatures, false), Decision::Blank);
    assert_eq!(decide(&facts, BlankPolicy::Zeros, true), Decision::Blank);
    let Decision::Refuse(reasons) = decide(&facts, BlankPolicy::Zeros, false) else { panic!("refused") };
    assert!(reasons[0].what.contains("byte 77"));
}

#[test]
fn a_whole_filesystem_is_kept_even_where_it_is_mounted_read_only_or_small() {
    let mut facts = holding_ext4();
    facts.read_only = Some(true);
    facts.mounts.push(("/anaconda".to_owned(), "ext4".to_owned()));
    assert_eq!(decide(&facts, BlankPolicy::Zeros, false), Decision::Known(ext4()));
}

#[test]
fn a_mirror_s_half_is_not_kept_as_the_filesystem_that_shines_through() {
    let mut facts = holding_ext4();
    facts.reading.signatures.push(mark("linux_raid_member", Checksum::Unknown));
    assert!(matches!(decide(&facts, BlankPolicy::Signatures, true), Decision::Refuse(_)));
}

#[test]
fn the_backup_of_a_table_that_was_there_before_does_not_hide_a_filesystem() {
    let mut facts = holding_ext4();
    facts.reading.signatures.push(mark("gpt_backup", Checksum::Unknown));
    assert_eq!(decide(&facts, BlankPolicy::Zeros, false), Decision::Known(ext4()));
}

#[test]
fn a_filesystem_larger_than_its_device_or_with_a_wrong_checksum_is_not_kept() {
    for spoil in [
        (|facts: &mut Facts| facts.size = SMALLEST - 4096) as fn(&mut Facts),
        |facts| facts.reading.superblock = Some(Superblock { checksum: Checksum::Wrong, ..ext4() }),
        |facts| facts.reading.superblock = Some(Superblock { alone: false, ..ext4() }),
    ] {
        let mut facts = holding_ext4();
        spoil(&mut facts);
        assert!(matches!(decide(&facts, BlankPolicy::Signatures, true), Decision::Refuse(_)));
    }
}
