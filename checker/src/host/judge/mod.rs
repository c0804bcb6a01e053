//! From what was seen to what is wrong. Pure: the same facts give the same problems.

mod account;
mod keys;
mod room;
mod server;
#[cfg(test)]
mod tests;
mod way;

#[cfg(test)]
pub(crate) use tests::sound;

use super::facts::Facts;
use super::graph::in_order;
use super::problem::Problem;

/// What keeps the client out, the roots first.
pub fn problems(facts: &Facts) -> Vec<Problem> {
    let lists =
        [room::problems(facts), server::problems(facts), way::problems(facts), account::problems(facts)];
    in_order(lists.into_iter().flatten().collect())
}
