//! How far things are, for a person who watches.

/// Shows progress; the answer and the log go elsewhere.
pub trait Progress {
    /// Something long begins; `total` is its size in bytes where it is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// So many bytes of it are done.
    fn reached(&self, done: u64);
    /// It is over, well or not.
    fn end(&self);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn reached(&self, _done: u64) {}
    fn end(&self) {}
}
