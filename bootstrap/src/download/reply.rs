//! What a server's answer means for what is already here. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::retry;

/// The lines of an answer that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) length: Option<u64>,
    pub(super) range: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
    pub(super) retry_after: Option<String>,
}

/// What was asked, and what is known of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// How many bytes are here.
    pub(super) from: u64,
    /// The size that the settings or the catalogue name.
    pub(super) expected: Option<u64>,
    /// The size that was announced before.
    pub(super) announced: Option<u64>,
    /// The `ETag` that this same URL had before.
    pub(super) etag: Option<String>,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The body goes on where what is here ends.
    GoesOn(Option<u64>),
    /// The body is the whole file, from its first byte.
    Whole(Option<u64>),
    /// Nothing is missing: only the hash has to be compared.
    Complete,
    /// What is here does not fit: drop it and ask from the first byte.
    AskAgain(String),
    /// Not now.
    Later(Duration),
    /// No, and never.
    Never,
    /// An answer that makes no sense, or a file that cannot be the one wanted.
    Unfit(String),
}

/// Reads an answer.
pub(super) fn read(asked: &Asked, head: &Head, now: Timestamp) -> Meaning {
    match head.status {
        200 => whole(asked, head.length),
        206 if asked.from > 0 => goes_on(asked, head),
        206 => Meaning::Unfit("a part (206) came where the whole was asked for".to_owned()),
        416 if asked.from > 0 => nothing_more(asked, head),
        status if retry::is_transient(status) => {
            let after = head.retry_after.as_deref().and_then(|value| retry::retry_after(value, now));
            Meaning::Later(after.unwrap_or_default())
        }
        _ => Meaning::Never,
    }
}

fn whole(asked: &Asked, length: Option<u64>) -> Meaning {
    match wrong_size(asked.expected, length) {
        Some(why) => Meaning::Unfit(why),
        None => Meaning::Whole(length.or(asked.expected)),
    }
}

fn goes_on(asked: &Asked, head: &Head) -> Meaning {
    let from = asked.from;
    let Some((first, total)) = head.range.as_deref().and_then(content_range) else {
        return Meaning::AskAgain("a part (206) came without saying which".to_owned());
    };
    if first != from {
        return Meaning::AskAgain(format!("the part from byte {from} was asked for, from {first} came"));
    }
    if let Some(why) = wrong_size(asked.expected, total) {
        return Meaning::Unfit(why);
    }
    if wrong_size(asked.announced, total).is_some() {
        return Meaning::AskAgain("the file has another size than before".to_owned());
    }
    if asked.etag.is_some() && head.etag.is_some() && asked.etag != head.etag {
        return Meaning::AskAgain("the file has another ETag than before".to_owned());
    }
    Meaning::GoesOn(total.or(asked.announced).or(asked.expected))
}

fn nothing_more(asked: &Asked, head: &Head) -> Meaning {
    let total = head.range.as_deref().and_then(unsatisfied_range).or(asked.expected).or(asked.announced);
    match total {
        Some(total) if total == asked.from => Meaning::Complete,
        Some(total) => Meaning::AskAgain(format!("{} bytes are here, the file has {total}", asked.from)),
        None => Meaning::AskAgain("the part asked for does not exist (416)".to_owned()),
    }
}

fn wrong_size(wanted: Option<u64>, offered: Option<u64>) -> Option<String> {
    match (wanted, offered) {
        (Some(wanted), Some(offered)) if wanted != offered => {
            Some(format!("it offers a file of {offered} bytes, but the one wanted has {wanted}"))
        }
        _ => None,
    }
}

/// `bytes 100-199/200` or `bytes 100-199/*`: the first byte, and the size of the whole.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
    (first <= last && total.is_none_or(|total| last < total)).then_some((first, total))
}

/// `bytes */200`: the size of the whole.
fn unsatisfied_range(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: u64) -> Asked {
        Asked { from, announced: Some(200), etag: Some("\"a\"".to_owned()), ..Asked::default() }
    }

    fn head(status: u16, range: &str) -> Head {
        Head { status, range: Some(range.to_owned()), etag: Some("\"a\"".to_owned()), ..Head::default() }
    }

    fn meaning(asked: &Asked, head: &Head) -> Meaning {
        read(asked, head, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_part_is_taken_only_if_it_begins_where_ours_ends_in_the_same_file() {
        assert_eq!(meaning(&asked(100), &head(206, "bytes 100-199/200")), Meaning::GoesOn(Some(200)));
        assert_eq!(meaning(&asked(100), &head(206, "bytes 100-199/*")), Meaning::GoesOn(Some(200)));
        for range in [
            "bytes 0-199/200",
            "bytes 100-199/300",
            "bytes 100-",
            "bytes 199-100/200",
            "",
            "bytes 100-250/200",
        ] {
            let meaning = meaning(&asked(100), &head(206, range));
            assert!(matches!(meaning, Meaning::AskAgain(_)), "{range}: {meaning:?}");
        }
        let changed = Head { etag: Some("\"b\"".to_owned()), ..head(206, "bytes 100-199/200") };
        assert!(matches!(meaning(&asked(100), &changed), Meaning::AskAgain(_)));
    }

    #[test]
    fn a_part_that_was_not_asked_for_is_never_taken() {
        assert!(matches!(meaning(&asked(0), &head(206, "bytes 0-199/200")), Meaning::Unfit(_)));
    }

    #[test]
    fn nothing_more_to_give_means_complete_only_if_the_sizes_agree() {
        assert_eq!(meaning(&asked(200), &head(416, "bytes */200")), Meaning::Complete);
        assert_eq!(meaning(&asked(200), &head(416, "")), Meaning::Complete);
        assert!(matches!(meaning(&asked(250), &head(416, "bytes */200")), Meaning::AskAgain(_)));
        assert_eq!(meaning(&asked(0), &head(416, "bytes */200")), Meaning::Never);
    }

    #[test]
    fn the_whole_is_taken_unless_its_size_is_known_to_be_wrong() {
        let offered = Head { status: 200, length: Some(300), ..Head::default() };
        assert_eq!(meaning(&asked(100), &offered), Meaning::Whole(Some(300)));
        let exact = Asked { expected: Some(200), ..asked(100) };
        assert!(matches!(meaning(&exact, &offered), Meaning::Unfit(why) if why.contains("300 bytes")));
    }

    #[test]
    fn a_busy_server_is_asked_later_and_one_that_refuses_never() {
        let busy = Head { status: 503, retry_after: Some("3".to_owned()), ..Head::default() };
        assert_eq!(meaning(&asked(0), &busy), Meaning::Later(Duration::from_secs(3)));
        for status in [304, 401, 403, 404, 410, 501] {
            assert_eq!(meaning(&asked(0), &Head { status, ..Head::default() }), Meaning::Never, "{status}");
        }
    }
}
