//! What many instances reported, and what is not known of them: pure, from the answers of AWS to a table.

mod json;
pub mod names;
mod read;
mod standing;
mod survey;
mod text;

pub use read::{Compliance, Machine, Ping, Run};
pub use standing::{Instance, Managed, Reported, Standing, Word};
pub use survey::{Answers, NotRead, Survey, Whom, is_id};
