//! The engine's journal files, read without the engine.
//!
//! The engine replays a journal up to the first bytes that it cannot read, cuts the file there and
//! says nothing: right for a write that a loss of power cut short, wrong for a flipped bit. This
//! reader tells the two apart and changes nothing.
//!
//! ```text
//! batch  := start item* end
//! start  := 1, items:u32, engine's number:u64
//! item   := 2, kind:u8, compression:u8 (0), keyspace:u64, key length:u16, value length:u32, stored length:u32, key, value
//!         | 4, keyspace:u64                                               the keyspace was emptied
//! end    := 3, xxh3 of the items:u64, "FJL" 3
//! ```
//!
//! Integers are little-endian. A new file is 64 MiB of zeros; after its last batch there are zeros
//! or nothing.
//!
//! Source: fjall 3.1, `src/journal/entry.rs` and `batch_reader.rs`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

/// One batch.
#[derive(Debug)]
pub(in crate::embedded) struct Batch<'a> {
    /// The number that the engine gave it; it grows from batch to batch.
    pub(in crate::embedded) engine_number: u64,
    pub(in crate::embedded) items: Vec<Item<'a>>,
}

/// One change of a batch.
#[derive(Debug, Clone, Copy)]
pub(in crate::embedded) struct Item<'a> {
    pub(in crate::embedded) keyspace: u64,
    pub(in crate::embedded) key: &'a [u8],
    /// `None` when the key was removed.
    pub(in crate::embedded) value: Option<&'a [u8]>,
}

/// What a journal ends with, behind its last whole batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::embedded) struct JournalTail {
    /// Where the last whole batch ends.
    pub(in crate::embedded) at: u64,
    /// How many bytes follow that are not of a batch; the zeros at the end are not counted.
    pub(in crate::embedded) bytes: u64,
    /// Whether a whole batch follows further on: then this is damage, not a write that was cut
    /// short.
    pub(in crate::embedded) followed: bool,
}

/// What the next bytes are.
enum Parsed<'a> {
    Batch(Batch<'a>, usize),
    /// The bytes at hand end within the batch.
    Short,
    Other,
}

/// How much is read at once, until a batch turns out to be longer.
const STEP: usize = 1024 * 1024;

/// Reads a journal from its beginning, and returns what it ends with.
pub(in crate::embedded) fn read(path: &Path, mut visit: impl FnMut(&Batch<'_>)) -> io::Result<JournalTail> {
    let mut file = File::open(path)?;
    // The bytes from `at` on that were read and are no part of a visited batch.
    let (mut at, mut bytes, mut step) = (0_u64, Vec::new(), STEP);
    loop {
        let read = (&mut file).take(step as u64).read_to_end(&mut bytes)?;
        let mut position = 0;
        let short = loop {
            match parse(&bytes[position..]) {
                Parsed::Batch(batch, length) => {
                    visit(&batch);
                    position += length;
                }
                Parsed::Short => break true,
                Parsed::Other => break false,
            }
        };
        bytes.drain(..position);
        at += position as u64;
        if !short || read < step {
            read_written(&mut file, &mut bytes)?;
            return Ok(tail(at, &bytes));
        }
        // The batch is longer than what was read. More is read at once, so that it is not parsed
        // many times over.
        step = if position == 0 { step.saturating_mul(2) } else { STEP };
    }
}

/// Calls `visit` for every whole batch that there is, also behind damage.
///
/// Returns how many bytes are not of a whole batch.
pub(in crate::embedded) fn read_all(path: &Path, mut visit: impl FnMut(&Batch<'_>)) -> io::Result<usize> {
    let (mut file, mut bytes, mut position, mut lost) = (File::open(path)?, Vec::new(), 0, 0);
    read_written(&mut file, &mut bytes)?;
    while let Some(found) = find(&bytes[position..]) {
        (position, lost) = (position + found, lost + found);
        if let Parsed::Batch(batch, length) = parse(&bytes[position..]) {
            visit(&batch);
            position += length;
        }
    }
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(lost + written.saturating_sub(position))
}

/// Reads the rest of the file, but not the zeros at its end, of which there are 64 MiB as a rule.
fn read_written(file: &mut File, bytes: &mut Vec<u8>) -> io::Result<()> {
    let (mut block, zeros) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut skipped = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(());
        }
        if block[..read] == zeros[..read] {
            skipped += read;
        } else {
            bytes.resize(bytes.len() + skipped, 0);
            bytes.extend_from_slice(&block[..read]);
            skipped = 0;
        }
    }
}

/// How many bytes are compared with zeros at once.
const BLOCK: usize = 64 * 1024;

fn tail(at: u64, bytes: &[u8]) -> JournalTail {
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let followed = bytes[..written].get(1..).is_some_and(|rest| find(rest).is_some());
    JournalTail { at, bytes: written as u64, followed }
}

/// Returns where the first whole batch begins.
fn find(bytes: &[u8]) -> Option<usize> {
    // A start is followed by the tag of an item, which rules out nearly every other place without a
    // look at what follows.
    (0..bytes.len()).find(|&index| {
        bytes[index] == START
            && matches!(bytes.get(index + START_BYTES), Some(&(ITEM | CLEAR)))
            && matches!(parse(&bytes[index..]), Parsed::Batch(..))
    })
}

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";
const START_BYTES: usize = 1 + 4 + 8;

fn parse(bytes: &[u8]) -> Parsed<'_> {
    let mut rest = Rest(bytes);
    match batch(&mut rest) {
        Ok(Some(batch)) => Parsed::Batch(batch, bytes.len() - rest.0.len()),
        Ok(None) => Parsed::Other,
        Err(Short) => Parsed::Short,
    }
}

fn batch<'a>(rest: &mut Rest<'a>) -> Result<Option<Batch<'a>>, Short> {
    if rest.byte()? != START {
        return Ok(None);
    }
    let (count, engine_number) = (rest.u32()?, rest.u64()?);
    let body = rest.0;
    let mut items = Vec::new();
    for _ in 0..count {
        match rest.byte()? {
            ITEM => {
                let (kind, compression, keyspace) = (rest.byte()?, rest.byte()?, rest.u64()?);
                let (key, value, stored) = (rest.u16()?, rest.u32()?, rest.u32()?);
                // A value, or the removal of one, of either kind; the store has the engine compress
                // nothing.
                if kind > 2 || compression != 0 || value != stored {
                    return Ok(None);
                }
                let (key, value) = (rest.take(key.into())?, rest.take(stored as usize)?);
                items.push(Item { keyspace, key, value: (kind == 0).then_some(value) });
            }
            CLEAR => {
                rest.u64()?;
            }
            _ => return Ok(None),
        }
    }
    let body = &body[..body.len() - rest.0.len()];
    if rest.byte()? != END || rest.u64()? != xxh3_64(body) || rest.take(TRAILER.len())? != TRAILER {
        return Ok(None);
    }
    Ok(Some(Batch { engine_number, items }))
}

/// The bytes end here.
struct Short;

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Short> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Short> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, Short> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Short> {
        self.array().map(u64::from_le_bytes)
    }
}
