//! Asks EC2 and RDS, and gives the JSON that the AWS CLI would print.
//!
//! Their Query protocol is spoken directly: EC2's SDK takes minutes to compile, and thirty calls are needed of its
//! seven hundred. What the answers are made of is a table that botocore's models print ([`shapes`]). There is no way
//! to say anything to AWS that changes something: [`Action`] holds only what describes.

mod action;
mod ask;
mod client;
pub(in crate::aws) mod door;
mod failure;
mod read;
mod scope;
mod shapes;
mod sign;
pub(in crate::aws) mod wire;
pub(in crate::aws) mod xml;

pub use action::Action;
pub use client::{Client, Patience};
pub use failure::Failure;
pub use read::{Document, Live, Unread, read};
pub use scope::{Scope, Start};
pub use wire::{ClientSettings, Endpoints};
