//! What the store holds, noted outside of the engine's files.
//!
//! So what is missing is not taken for new.
//!
//! ```text
//! <directory>/marker    two slots of 4 KiB, written in turn
//!
//! slot    tidings timeline store 1
//!         write 42                 which of the two slots is newer
//!         id 4f0c…                 of this store, 32 hexadecimal digits
//!         generation 1764345600000 of this store; another one after it was salvaged
//!         layout 3                 that of before as long as it is being upgraded
//!         phase whole              making, upgrading, salvaging, importing, whole
//!         batch 1017               the last batch that was committed
//!         keyspaces 0,1,2,3,4      the folders of the engine
//!         check 9f31…              xxh3 of the lines above
//! ```
//!
//! It is written with one `pwrite` after each commit, whose batch is durable by then: after `kill
//! -9` it is exact or one batch behind. It is written again and flushed every 5 s and at the end:
//! after a loss of power it is a lower bound, and a disk that takes no writes is noticed. A slot
//! that a loss of power tore has a wrong check, and the other one counts.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use xxhash_rust::xxh3::xxh3_64;

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MarkerRecord {
    pub(super) id: u128,
    pub(super) generation: u64,
    /// The layout; while it is upgraded that of before, which for layout 1 is 2 as well.
    pub(super) layout: u8,
    pub(super) phase: Phase,
    /// The number of the last batch.
    pub(super) batch: u64,
    /// The folders below `keyspaces`, ascending.
    pub(super) keyspaces: Vec<u64>,
}

/// What is being done with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is made for the first time, and holds nothing yet.
    Making,
    /// It has layout 1, and becomes one of layout 2 first.
    Upgrading,
    /// It is the new one of a salvage, and holds a part of what was read.
    Salvaging,
    /// It is the new one of an import, and holds a part of what is to be read.
    Importing,
    Whole,
}

/// The marker of an open store.
#[derive(Debug)]
pub(super) struct Marker {
    file: File,
    note: MarkerRecord,
    write: u64,
    /// Whether the disk takes no flush.
    #[cfg(test)]
    pub(super) unflushable: bool,
}

const TITLE: &str = "tidings timeline store 1";
const SLOT_BYTES: usize = 4_096;

/// Returns where the marker of a store is.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("marker")
}

/// Returns where a new marker is written before it takes its place.
pub(super) fn aside(directory: &Path) -> PathBuf {
    directory.join("marker.new")
}

impl Marker {
    /// Reads the marker of a directory: `None` if there is none, an error of the kind `InvalidData`
    /// if it is not readable.
    pub(super) fn read(directory: &Path) -> io::Result<Option<MarkerRecord>> {
        Ok(newest(directory)?.map(|(_, note)| note))
    }

    /// Makes the marker, or goes on with the one that there is.
    pub(super) fn open(directory: &Path, note: MarkerRecord) -> io::Result<Self> {
        let before = newest(directory)?;
        let target = path(directory);
        // A new marker is written to another file and renamed, so that there is a whole marker or
        // none.
        let aside = aside(directory);
        let file = File::options()
            .create(before.is_none())
            .truncate(before.is_none())
            .read(true)
            .write(true)
            .mode(0o600)
            .open(if before.is_none() { &aside } else { &target })?;
        let made = before.is_none();
        if made {
            // Both slots have their place on disk from now on, so that writing needs none when the
            // disk is full.
            file.write_all_at(&[b'\n'; 2 * SLOT_BYTES], 0)?;
        }
        let write = before.map_or(0, |(write, _)| write);
        let mut marker = Self {
            file,
            note: note.clone(),
            write,
            #[cfg(test)]
            unflushable: false,
        };
        marker.write(note)?;
        if made {
            marker.file.sync_all()?;
            fs::rename(aside, target)?;
            File::open(directory)?.sync_all()?;
        }
        Ok(marker)
    }

    pub(super) fn note(&self) -> &MarkerRecord {
        &self.note
    }

    /// Notes that a batch is committed. Not flushed.
    pub(super) fn committed(&mut self, batch: u64) -> io::Result<()> {
        self.note.batch = batch;
        self.write = self.put()?;
        Ok(())
    }

    /// Notes something else, and flushes it.
    pub(super) fn write(&mut self, note: MarkerRecord) -> io::Result<()> {
        self.note = note;
        self.put_and_flush()
    }

    /// Writes it once more, and flushes it.
    pub(super) fn probe(&mut self, directory: &Path) -> io::Result<()> {
        // A file that is open can be written to for a while after the file system was mounted
        // read-only, or the file removed.
        // The order matters: `access` asks for the file by its name, the write below uses the open
        // one.
        rustix::fs::access(path(directory), Access::WRITE_OK)?;
        self.put_and_flush()
    }

    /// Notes again what was so before a [`write`](Self::write) that failed, in its place. Not
    /// flushed: the disk has just refused that.
    pub(super) fn take_back(&mut self, before: MarkerRecord) -> io::Result<()> {
        self.note = before;
        self.write = self.put()?;
        Ok(())
    }

    fn put_and_flush(&mut self) -> io::Result<()> {
        let write = self.put()?;
        #[cfg(test)]
        if self.unflushable {
            return Err(io::Error::other("the test wants it"));
        }
        self.file.sync_data()?;
        self.write = write;
        Ok(())
    }

    /// Writes the older slot, and returns the number of that write.
    ///
    /// The number picks the slot. The caller keeps it only if all went well: a write that failed
    /// may have torn its slot, so the next one goes there again, and the slot that counts stays
    /// whole. For the same reason a loss of power in the middle of a write leaves the other slot.
    fn put(&self) -> io::Result<u64> {
        let write = self.write + 1;
        let text = self.note.format(write);
        self.file.write_all_at(text.as_bytes(), write % 2 * SLOT_BYTES as u64)?;
        Ok(write)
    }
}

impl MarkerRecord {
    fn format(&self, write: u64) -> String {
        let keyspaces: Vec<_> = self.keyspaces.iter().map(ToString::to_string).collect();
        let mut text = format!(
            "{TITLE}\nwrite {write}\nid {:032x}\ngeneration {}\nlayout {}\nphase {}\nbatch {}\nkeyspaces {}\n",
            self.id,
            self.generation,
            self.layout,
            self.phase.name(),
            self.batch,
            keyspaces.join(","),
        );
        let check = xxh3_64(text.as_bytes());
        // Writing to a string cannot fail.
        if writeln!(text, "check {check:016x}").is_err() {
            text.clear();
        }
        text
    }

    fn parse(slot: &[u8]) -> Option<(u64, Self)> {
        let checked = slot.windows(7).position(|window| window == b"\ncheck ")? + 1;
        let (lines, check) = slot.split_at_checked(checked)?;
        let check = std::str::from_utf8(check.get(6..22)?).ok()?;
        if u64::from_str_radix(check, 16).ok()? != xxh3_64(lines) {
            return None;
        }
        let mut lines = std::str::from_utf8(lines).ok()?.lines();
        if lines.next()? != TITLE {
            return None;
        }
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let write = value("write")?.parse().ok()?;
        let note = Self {
            id: u128::from_str_radix(value("id")?, 16).ok()?,
            generation: value("generation")?.parse().ok()?,
            layout: value("layout")?.parse().ok()?,
            phase: Phase::parse(value("phase")?)?,
            batch: value("batch")?.parse().ok()?,
            keyspaces: value("keyspaces")?
                .split(',')
                .filter(|id| !id.is_empty())
                .map(|id| id.parse().ok())
                .collect::<Option<_>>()?,
        };
        Some((write, note))
    }
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Upgrading => "upgrading",
            Self::Salvaging => "salvaging",
            Self::Importing => "importing",
            Self::Whole => "whole",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [Self::Making, Self::Upgrading, Self::Salvaging, Self::Importing, Self::Whole];
        all.into_iter().find(|phase| phase.name() == name)
    }
}

/// Returns the newer of the two slots.
fn newest(directory: &Path) -> io::Result<Option<(u64, MarkerRecord)>> {
    let bytes = match fs::read(path(directory)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // A slot that was never written is all newlines and has no check, so it does not count.
    let slots = bytes.chunks(SLOT_BYTES).take(2).filter_map(MarkerRecord::parse);
    match slots.max_by_key(|(write, _)| *write) {
        Some(newest) => Ok(Some(newest)),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "neither of its two slots can be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(batch: u64) -> MarkerRecord {
        let keyspaces = vec![0, 1, 2, 3, 4];
        MarkerRecord { id: 7 << 100, generation: 9, layout: 3, phase: Phase::Whole, batch, keyspaces }
    }

    #[test]
    fn the_newer_slot_counts_and_a_torn_one_does_not() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Marker::read(directory.path()).unwrap(), None);
        let mut marker = Marker::open(directory.path(), note(0)).unwrap();
        for batch in 1..=3 {
            marker.committed(batch).unwrap();
            assert_eq!(Marker::read(directory.path()).unwrap(), Some(note(batch)));
        }
        drop(marker);
        let mut marker = Marker::open(directory.path(), note(3)).unwrap();
        marker.committed(4).unwrap();
        let whole = fs::read(path(directory.path())).unwrap();
        let newer = whole.windows(7).position(|window| window == b"batch 4").unwrap();
        let mut torn = whole;
        torn[newer + 6] = b'9';
        fs::write(path(directory.path()), &torn).unwrap();
        assert_eq!(Marker::read(directory.path()).unwrap(), Some(note(3)), "the older one is a lower bound");
        for unreadable in [&[][..], &[0; 8_192], b"tidings timeline store 1\n"] {
            fs::write(path(directory.path()), unreadable).unwrap();
            assert_eq!(Marker::read(directory.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_write_after_one_that_failed_leaves_the_slot_that_counts() {
        let directory = tempfile::tempdir().unwrap();
        let mut marker = Marker::open(directory.path(), note(0)).unwrap();
        marker.committed(1).unwrap();
        let target = path(directory.path());
        let writable = std::mem::replace(&mut marker.file, File::open(&target).unwrap());
        marker.write(note(2)).unwrap_err();
        (marker.file, marker.unflushable) = (writable, true);
        marker.write(note(2)).unwrap_err();
        marker.unflushable = false;
        let before = fs::read(&target).unwrap();
        marker.committed(3).unwrap();
        let after = fs::read(&target).unwrap();
        let counted = |slot: &[u8]| MarkerRecord::parse(slot).is_some_and(|(_, record)| record == note(1));
        let mut slots = before.chunks(SLOT_BYTES).zip(after.chunks(SLOT_BYTES));
        let (slot, now) = slots.find(|(slot, _)| counted(slot)).unwrap();
        assert!(slot == now, "the slot that counted is as it was");
        assert_eq!(Marker::read(directory.path()).unwrap(), Some(note(3)));
    }
}
