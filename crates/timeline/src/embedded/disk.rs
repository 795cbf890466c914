//! How much room the disk has.

use std::io;
use std::path::Path;

/// The room of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DiskSpace {
    pub(super) free: u64,
    pub(super) total: u64,
}

/// Returns the room of the file system of a directory, for users without special rights.
pub(super) fn room(directory: &Path) -> io::Result<DiskSpace> {
    let stat = rustix::fs::statvfs(directory)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(DiskSpace { free: bytes(stat.f_bavail), total: bytes(stat.f_blocks) })
}

/// Below how many free bytes sends are refused.
///
/// The engine needs room to move its journals into tables, and other programs need some to write
/// what went wrong. While sends are refused early, somebody can still make room; a disk that is
/// full shows itself only by a write that fails.
#[derive(Debug)]
pub(super) struct LowWater {
    least: u64,
    low: bool,
}

impl LowWater {
    pub(super) fn new(least: u64) -> Self {
        Self { least, low: false }
    }

    /// Judges the room, and returns the bytes that must be free if there are fewer.
    ///
    /// A quarter more must be free before sends are taken again, so that a disk at the mark does
    /// not turn with every send.
    pub(super) fn judge(&mut self, room: DiskSpace) -> Option<u64> {
        // On a small disk the mark is a twentieth of it, as it would otherwise never take a send.
        let least = self.least.min(room.total / 20);
        //  free ───────────────────────────────────────►
        //  refused │ refused if it was refused │ taken
        //        least                  least + a quarter
        let needed = if self.low { least.saturating_add(least / 4) } else { least };
        self.low = room.free < needed;
        self.low.then_some(least)
    }
}

/// Says why sends are refused while the disk has fewer than `least` bytes left.
pub(super) fn shortage(directory: &Path, room: DiskSpace, least: u64) -> String {
    let (free, least) = (room.free / MIB, least / MIB);
    let path = directory.display();
    format!(
        "the disk of {path} has {free} MiB left, fewer than the {least} MiB that must stay free; make room on it"
    )
}

const MIB: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_are_refused_below_the_mark_and_taken_well_above_it() {
        let mut mark = LowWater::new(100);
        let mut judge = |free| mark.judge(DiskSpace { free, total: 1_000_000 });
        assert_eq!(judge(100), None);
        assert_eq!(judge(99), Some(100));
        assert_eq!(judge(124), Some(100));
        assert_eq!(judge(125), None);
        assert_eq!(judge(100), None);
        let mut small = LowWater::new(100);
        assert_eq!(small.judge(DiskSpace { free: 50, total: 1_000 }), None);
        assert_eq!(small.judge(DiskSpace { free: 49, total: 1_000 }), Some(50));
        assert_eq!(LowWater::new(0).judge(DiskSpace { free: 0, total: 10 }), None);
    }

    #[test]
    fn a_directory_has_room() {
        let room = room(&std::env::temp_dir()).unwrap();
        assert!(room.total >= room.free && room.total > 0);
    }
}
