//! Where the database's password comes from.
