//! Shows a diagnosis: to a person at a terminal, to a program, to a person with a browser. Pure: the same diagnosis
//! gives the same bytes.

mod drawing;
mod html;
mod json;
mod palette;
mod redact;
mod text;

pub use html::html;
pub use json::json;
pub use palette::{Palette, contrast};
pub use redact::redact;
pub use text::text;
