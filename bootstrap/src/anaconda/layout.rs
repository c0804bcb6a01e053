//! How long an installer must be, from what its script does: it cuts its own file apart, and the places it
//! cuts at are written in, in three ways over the years.

use super::damage::Damage;

/// How the script finds what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Until 2019: packages in a tar from a line on, unpacked by the shell with bzip2.
    Packages,
    /// From 2019 on: a conda program first, cut out by `tail` or `dd` at offsets written in.
    Offsets,
    /// From the end of 2022 on: the same, with sizes added up as boundaries.
    Boundaries,
}

impl Generation {
    /// The word in `installer --json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Offsets => "offsets",
            Self::Boundaries => "boundaries",
        }
    }
}

/// Sizes, in whichever way the script's generation states them.
pub(super) struct Layout {
    pub(super) generation: Generation,
    pub(super) size: u64,
}

impl Layout {
    pub(super) fn read(text: &str, payload: u64, bytes: Option<u64>) -> Result<Self, Damage> {
        let parts = boundaries(text)?;
        if !parts.is_empty() {
            let size = parts.iter().try_fold(payload, |sum, part| sum.checked_add(*part));
            let size =
                size.ok_or(Damage::Contradicts("its sizes add up to more than any file has".to_owned()))?;
            return Ok(Self { generation: Generation::Boundaries, size });
        }
        let cuts: Vec<(u64, u64)> = text.lines().filter_map(cut).collect();
        let Some(first) = cuts.iter().map(|(start, _)| *start).min() else {
            let size = bytes.ok_or(Damage::Lacks("size"))?;
            return Ok(Self { generation: Generation::Packages, size });
        };
        if first != payload {
            let what = format!("it ends at byte {payload}, and what follows is cut out from byte {first}");
            return Err(Damage::Contradicts(what));
        }
        let reached = cuts.iter().map(|(start, count)| start.saturating_add(*count)).max();
        let size = bytes.or(reached).ok_or(Damage::Lacks("size"))?;
        Ok(Self { generation: Generation::Offsets, size })
    }
}

/// `boundary1=$(( boundary0 + 12093208 ))`: the number of each, in order.
fn boundaries(text: &str) -> Result<Vec<u64>, Damage> {
    let mut parts = Vec::new();
    for (index, sum) in text.lines().filter_map(boundary).filter(|(index, _)| *index > 0) {
        let part = sum.split_once('+').and_then(|(_, number)| number.trim().parse().ok());
        let in_order = usize::try_from(index).is_ok_and(|index| index == parts.len() + 1);
        match part.filter(|_| in_order) {
            Some(part) => parts.push(part),
            None => return Err(Damage::Contradicts(format!("boundary{index} is no sum of bytes"))),
        }
    }
    Ok(parts)
}

/// The number of a boundary, and what it is set to without `$(( ))`.
fn boundary(line: &str) -> Option<(u32, &str)> {
    let (index, value) = line.trim().strip_prefix("boundary")?.split_once('=')?;
    let value = value.trim_matches('"').trim_start_matches("$((").trim_end_matches("))");
    Some((index.parse().ok()?, value))
}

/// The bytes that a `dd` or a `tail | head` of the script cuts out of its own file: from where, how many.
fn cut(line: &str) -> Option<(u64, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words.first()? {
        "dd" if line.contains(" if=") => cut_by_dd(&words),
        "tail" => cut_by_tail(&words),
        _ => None,
    }
}

fn cut_by_dd(words: &[&str]) -> Option<(u64, u64)> {
    let operand = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.parse::<u64>().ok());
    let block = operand("bs=").unwrap_or(1);
    Some((operand("skip=")?.checked_mul(block)?, operand("count=")?.checked_mul(block)?))
}

/// `tail -c +18891 FILE | head -c 9231072`, where `tail` counts from one.
fn cut_by_tail(words: &[&str]) -> Option<(u64, u64)> {
    let after = |program: &str| {
        let start = words.iter().position(|word| *word == program)?;
        let [option, number, ..] = words.get(start + 1..)? else { return None };
        (*option == "-c").then(|| number.trim_start_matches('+').parse::<u64>().ok())?
    };
    Some((after("tail")?.checked_sub(1)?, after("head")?))
}
