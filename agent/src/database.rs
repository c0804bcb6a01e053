//! The step that proves the database, twice.
