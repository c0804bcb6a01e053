//! Whom a question is about: the instance or the database at its far end, as far as it was read.

use super::case::Case;
use crate::network::{DbInstance, Instance};
use crate::targets;

/// The words that name the far end, the most exact first.
fn words<'a>(case: &'a Case) -> impl Iterator<Item = &'a str> {
    case.trace.into_iter().map(|trace| trace.flow.to.as_str()).chain([case.to.as_str()])
}

/// The instance.
pub fn instance<'a>(case: &Case<'a>) -> Option<&'a Instance> {
    targets::instance(case.network?, words(case), case.address.map(|address| address.ip()))
}

/// The database.
pub fn database<'a>(case: &Case<'a>) -> Option<&'a DbInstance> {
    targets::database(case.network?, words(case))
}
