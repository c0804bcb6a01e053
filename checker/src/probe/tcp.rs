//! Whether a port answers.
