//! A new store of the lines of an export.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use super::super::directory::Directory;
use super::super::marker::{Marker, MarkerRecord, Phase};
use super::super::opened::Opened;
use super::super::tables::Tables;
use super::super::{Config, clock, keys, opening, records};
use super::line::{FORMAT, Line};
use super::line_sum::LineSum;
use super::record_writer::RecordWriter;
use crate::{Error, ErrorKind, Result};

/// What an import has made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// How many lines the export had.
    pub lines: u64,
    /// How many of them were entries.
    pub entries: u64,
    /// The generation of the new store.
    pub generation: u64,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportProgress {
    /// How many lines are in the new store.
    ///
    /// Those of an import before that was cut short count as well.
    pub lines: u64,
}

/// How many bytes one line may have: those of the longest message, escaped, with its names.
const LINE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Makes a new store in `to` of the lines of an export.
///
/// It blocks. Cut short, it goes on where it was when it is called again with the same lines; until
/// then nobody opens what is there. The new store has another generation, and the tags of the old
/// one: readers go on from the positions that they have.
///
/// # Errors
///
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the number of the line that is wrong, or
/// that the export is not whole; [`Config`](crate::ErrorKind::Config) when `to` holds anything else
/// or is in use; [`Unavailable`](crate::ErrorKind::Unavailable) when `to` cannot be written to, or
/// the lines cannot be read.
pub fn import(
    mut lines: impl BufRead,
    to: &Path,
    mut progress: impl FnMut(ImportProgress),
) -> Result<Imported> {
    let directory = Arc::new(Directory::lock(to)?);
    let first = read_line(&mut lines)?.ok_or_else(not_whole)?;
    let source = match parse(&first, 1)? {
        Line::Store { format: FORMAT, id, generation, batch } => format!("{id} {generation} {batch}"),
        Line::Store { format, .. } => {
            let text = format!("line 1: the export has the format {format}; this program reads {FORMAT}");
            return Err(Error::invalid(text));
        }
        _ => return Err(at(1, &Error::invalid("the first line of an export has the type `store`"))),
    };
    let (opened, Before { lines: done, sum: sum_before }) = begin(&directory, &source)?;
    let generation = opened.marker.note().generation;
    let mut writer = RecordWriter::new(opened, &source, done);
    let (mut number, mut entries, mut has_ended) = (1, 0, false);
    while let Some(text) = read_line(&mut lines)? {
        number += 1;
        if has_ended {
            return Err(at(number, &Error::invalid("there must be no line behind that of the type `end`")));
        }
        let line = parse(&text, number)?;
        entries += u64::from(matches!(line, Line::Entry(_)));
        match line {
            Line::End { lines, sum } => {
                check_end(lines, sum, number - 1, writer.sum()).map_err(|error| at(number, &error))?;
                has_ended = true;
            }
            line if number > done => {
                writer.write(line).map_err(|error| at(number, &error))?;
                if writer.commit_if_full(number, &text)? {
                    progress(ImportProgress { lines: number });
                }
            }
            _ => writer.pass(&text),
        }
        // What is in the store may come from a copy of the export whose bytes had changed.
        if number == done && writer.sum().digits() != sum_before {
            return Err(of_another_export(directory.path()));
        }
    }
    if !has_ended {
        // What is there stays: the rest of the lines may be on its way. Fewer lines than are there
        // bring nothing, and were compared with nothing.
        if number > done {
            writer.commit(number)?;
        }
        return Err(not_whole());
    }
    // Whole, and yet fewer lines than are there: those were compared with nothing either.
    if number < done {
        return Err(of_another_export(directory.path()));
    }
    writer.finish(number)?;
    Ok(Imported { lines: number, entries, generation })
}

/// Whether a directory holds what an import left that was cut short, and can go on.
#[must_use]
pub fn is_cut_import(directory: &Path) -> bool {
    matches!(Marker::read(directory), Ok(Some(note)) if note.phase == Phase::Importing)
}

/// What an import that was cut short has left.
#[derive(Debug, Default)]
struct Before {
    /// How many lines are in the store.
    lines: u64,
    /// The checksum of these lines.
    sum: String,
}

/// Makes the store, or opens what an import of the same lines has left; returns which of the lines
/// are in it.
fn begin(directory: &Arc<Directory>, source: &str) -> Result<(Opened, Before)> {
    let path = directory.path();
    let other = |what: &str| {
        let text = format!("the data directory {} {what}; name one that does not exist yet", path.display());
        Err(Error::new(ErrorKind::Config, text))
    };
    match Marker::read(path).map_err(|error| directory.unwritable(error))? {
        None if directory.store().exists() => other("holds a store already"),
        None => make(directory),
        Some(note) if note.phase != Phase::Importing => other("holds a store already"),
        // It was cut short while the store was made, and none of the lines are in it.
        Some(note) if note.keyspaces.is_empty() => make(directory),
        Some(note) => go_on(directory, note, source),
    }
}

/// Makes a store without any line; it can be gone on with once the marker names its keyspaces.
fn make(directory: &Arc<Directory>) -> Result<(Opened, Before)> {
    let (config, phase) = (Config::new(directory.path()), Phase::Importing);
    let mut opened = opening::begin(&config, directory, phase, fastrand::u128(..), clock::unix_ms())?;
    let keyspaces = opened.tables.folders();
    let note = MarkerRecord { keyspaces, ..opened.marker.note().clone() };
    opened.marker.write(note).map_err(|error| directory.unwritable(error))?;
    Ok((opened, Before::default()))
}

fn go_on(directory: &Arc<Directory>, note: MarkerRecord, source: &str) -> Result<(Opened, Before)> {
    let path = directory.path();
    let tables = Tables::open(&Config::new(path), directory)?;
    let marker = Marker::open(path, note).map_err(|error| directory.unwritable(error))?;
    let number = |key: &[u8]| tables.state.get(key).map_err(super::super::tables::read_error);
    let last_batch = number(keys::BATCH)?.map(|record| records::decode_number(&record)).transpose()?;
    let before = number(keys::IMPORT)?.map(|record| records::decode_import(&record)).transpose()?;
    let before = match before {
        None => Before::default(),
        Some((lines, note)) => match note.rsplit_once(' ') {
            Some((before, sum)) if before == source => Before { lines, sum: sum.to_owned() },
            _ => return Err(of_another_export(path)),
        },
    };
    Ok((Opened { tables, marker, last_batch: last_batch.unwrap_or_default() }, before))
}

fn of_another_export(path: &Path) -> Error {
    let text = format!(
        "the data directory {} holds a part of another export; remove it, or go on with that export",
        path.display()
    );
    Error::new(ErrorKind::Config, text)
}

/// Checks what the last line says of those before it.
fn check_end(lines: u64, sum: Option<String>, lines_here: u64, sum_here: &LineSum) -> Result<()> {
    if lines != lines_here {
        return Err(Error::invalid(format!("the export had {lines} lines, and {lines_here} are here")));
    }
    // Without a checksum somebody has changed lines on purpose.
    if sum.is_some_and(|sum| sum != sum_here.digits()) {
        let text = "the lines before it have another checksum, so bytes of the export have changed since it was \
                    written; import another copy of it into a new directory";
        return Err(Error::invalid(text));
    }
    Ok(())
}

/// Reads a line without its line feed; `None` at the end.
fn read_line(lines: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let bytes = std::io::Read::take(&mut *lines, LINE_BYTES_MAX as u64)
        .read_until(b'\n', &mut line)
        .map_err(|error| {
            let text = format!("the export cannot be read: {error}");
            Error::with_source(ErrorKind::Unavailable, text, error)
        })?;
    if bytes == 0 {
        return Ok(None);
    }
    if line.pop_if(|byte| *byte == b'\n').is_none() {
        // Only the last line has no line feed, and then it was cut.
        return if bytes == LINE_BYTES_MAX { Err(too_long()) } else { Err(not_whole()) };
    }
    Ok(Some(line))
}

fn parse(line: &[u8], number: u64) -> Result<Line> {
    serde_json::from_slice(line).map_err(|error| {
        let text = format!("line {number}: it is no line of an export: {error}");
        Error::with_source(ErrorKind::InvalidInput, text, error)
    })
}

fn at(number: u64, error: &Error) -> Error {
    Error::with_source(error.kind(), format!("line {number}: {error}"), error.clone())
}

fn not_whole() -> Error {
    let text = "the export is not whole: its last line, of the type `end`, is missing; import the whole \
                file, and what is there already is not read again";
    Error::invalid(text)
}

fn too_long() -> Error {
    Error::invalid(format!("a line of the export has more than {LINE_BYTES_MAX} bytes"))
}
