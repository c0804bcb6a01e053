//! Reports on their way: a ladder of rungs and a queue on disk.
