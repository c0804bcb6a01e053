//! What a PostgreSQL server says on the wire.
