//! What a cycle has seen, in a line.

use std::fmt;

/// What a cycle has seen, or several.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What linked the nodes.
    pub(crate) kind: &'static str,
    pub(crate) written: u64,
    pub(crate) heard: u64,
    pub(crate) missing: u64,
    pub(crate) gaps: usize,
    pub(crate) origins: usize,
    pub(crate) whole: u64,
    pub(crate) aborted: u64,
    pub(crate) faults: Vec<String>,
    /// The most that a node had after a quarter of the cycle, and at its end.
    pub(crate) memory_kib: (u64, u64),
}

/// By how much the memory of a node may differ whatever it had: what allocators keep of a burst.
const MEMORY_FLOOR_KIB: u64 = 4 * 1024;

impl Report {
    /// Says if memory has grown: over 1.25 times what it was after a quarter, and a floor.
    pub(crate) fn judge_memory(&self) -> Result<(), String> {
        let (quarter, end) = self.memory_kib;
        let most = quarter + quarter / 4 + MEMORY_FLOOR_KIB;
        if end <= most {
            return Ok(());
        }
        Err(format!(
            "the largest node had {quarter} KiB after a quarter of the long cycle and {end} KiB at its end, which is \
             over 1.25 times as much and {MEMORY_FLOOR_KIB} KiB: something of what comes is kept"
        ))
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.kind = other.kind;
        self.written += other.written;
        self.heard += other.heard;
        self.missing += other.missing;
        self.gaps += other.gaps;
        self.origins += other.origins;
        self.whole += other.whole;
        self.aborted += other.aborted;
        self.faults.extend(other.faults.iter().cloned());
        self.memory_kib.0 = self.memory_kib.0.max(other.memory_kib.0);
        self.memory_kib.1 = self.memory_kib.1.max(other.memory_kib.1);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} written, {} heard, {} missing in {} gaps told, {} lives, {} streams whole, {} aborted, {} faults, \
             at most {} KiB after a quarter, {} KiB at the end",
            self.written,
            self.heard,
            self.missing,
            self.gaps,
            self.origins,
            self.whole,
            self.aborted,
            self.faults.len(),
            self.memory_kib.0,
            self.memory_kib.1,
        )?;
        if !self.faults.is_empty() && self.faults.len() < 20 {
            write!(f, " ({}: {})", self.kind, self.faults.join(", "))?;
        }
        Ok(())
    }
}
