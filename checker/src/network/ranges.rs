//! Sets of numbers as sorted ranges that neither touch nor overlap: ports, and the numbers behind addresses.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that has neighbours.
pub trait Number: Copy + Ord {
    /// The least.
    const LEAST: Self;
    /// The greatest.
    const GREATEST: Self;
    /// The one before, unless this is the least.
    fn before(self) -> Option<Self>;
    /// The one after, unless this is the greatest.
    fn after(self) -> Option<Self>;
    /// How many there are from `self` to `last`, both included; the whole of 128 bits counts as one less.
    fn count_to(self, last: Self) -> u128;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Number for $number {
            const LEAST: Self = Self::MIN;
            const GREATEST: Self = Self::MAX;
            fn before(self) -> Option<Self> {
                self.checked_sub(1)
            }
            fn after(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn count_to(self, last: Self) -> u128 {
                u128::from(last - self).saturating_add(1)
            }
        }
    )*};
}

numbers! { u16 u32 u128 }

/// A set of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RangeSet<N> {
    ranges: Vec<(N, N)>,
}

/// A set of ports.
pub type PortSet = RangeSet<u16>;

impl<N> Default for RangeSet<N> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<N: Number> RangeSet<N> {
    /// Every number.
    pub fn all() -> Self {
        Self { ranges: vec![(N::LEAST, N::GREATEST)] }
    }

    /// One number.
    pub fn one(number: N) -> Self {
        Self { ranges: vec![(number, number)] }
    }

    /// From `first` to `last`, both included; nothing where they are the wrong way round.
    pub fn range(first: N, last: N) -> Self {
        Self::from_ranges([(first, last)])
    }

    /// The union of ranges in any order.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (N, N)>) -> Self {
        let mut sorted: Vec<(N, N)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(N, N)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                // Neighbours join too, so that equal sets are equal as values.
                Some(before) if before.1.after().is_none_or(|next| first <= next) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self { ranges: merged }
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (N, N)> + '_ {
        self.ranges.iter().copied()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The least number in it.
    pub fn first(&self) -> Option<N> {
        self.ranges.first().map(|(first, _)| *first)
    }

    /// How many numbers.
    pub fn count(&self) -> u128 {
        self.ranges().fold(0, |sum, (first, last)| sum.saturating_add(first.count_to(last)))
    }

    /// Whether the number is in it.
    pub fn contains(&self, number: N) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= number);
        after > 0 && self.ranges[after - 1].1 >= number
    }

    /// Whether all of `other` is in it.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges().chain(other.ranges()))
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut mine, mut theirs) = (self.ranges().peekable(), other.ranges().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                both.push((first, last));
            }
            if a.1 < b.1 {
                mine.next()
            } else {
                theirs.next()
            };
        }
        Self { ranges: both }
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = Some(N::LEAST);
        for (first, last) in self.ranges() {
            if let (Some(start), Some(end)) = (next, first.before())
                && start <= end
            {
                gaps.push((start, end));
            }
            next = last.after();
        }
        gaps.extend(next.map(|start| (start, N::GREATEST)));
        Self { ranges: gaps }
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }
}

impl<N: fmt::Display + PartialEq> fmt::Display for RangeSet<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        if self.ranges.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_that_touch_become_one_and_the_wrong_way_round_is_nothing() {
        let ports = PortSet::from_ranges([(20, 21), (22, 30), (9, 8)]);
        assert_eq!(ports, PortSet::range(20, 30));
        assert_eq!(ports.to_string(), "20-30");
    }

    #[test]
    fn the_ends_of_all_ports_are_in_and_counted() {
        assert!(PortSet::all().contains(0) && PortSet::all().contains(65535));
        assert_eq!((PortSet::all().count(), PortSet::all().complement().count()), (65536, 0));
        assert_eq!(PortSet::default().complement(), PortSet::all());
    }

    fn some_ports() -> impl Strategy<Value = PortSet> {
        proptest::collection::vec((0u16..40, 0u16..40), 0..6).prop_map(PortSet::from_ranges)
    }

    proptest! {
        #[test]
        fn set_arithmetic_agrees_with_one_number_at_a_time(a in some_ports(), b in some_ports()) {
            let (union, both, less, rest) =
                (a.union(&b), a.intersection(&b), a.difference(&b), a.complement());
            for port in 0..50 {
                let (in_a, in_b) = (a.contains(port), b.contains(port));
                prop_assert_eq!(union.contains(port), in_a || in_b);
                prop_assert_eq!(both.contains(port), in_a && in_b);
                prop_assert_eq!(less.contains(port), in_a && !in_b);
                prop_assert_eq!(rest.contains(port), !in_a);
            }
            prop_assert_eq!(a.count(), (0..=u16::MAX).filter(|port| a.contains(*port)).count() as u128);
            prop_assert_eq!(rest.complement(), a);
        }
    }
}
