//! The same verdicts from what libpq says.
