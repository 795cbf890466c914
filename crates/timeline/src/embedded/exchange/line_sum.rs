//! The checksum of an export, which finds bytes that changed on their way.

use xxhash_rust::xxh3::Xxh3;

/// The checksum of all lines so far but the first.
///
/// That one says of which store they are: without it, an export of an import has the same one.
pub(super) struct LineSum(Box<Xxh3>);

impl LineSum {
    pub(super) fn new() -> Self {
        Self(Box::new(Xxh3::new()))
    }

    /// Adds a line without its line feed.
    pub(super) fn add(&mut self, line: &[u8]) {
        self.0.update(line);
        self.0.update(b"\n");
    }

    /// Returns the checksum as 32 hexadecimal digits.
    pub(super) fn digits(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}
