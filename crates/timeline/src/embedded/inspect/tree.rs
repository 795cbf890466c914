//! The folders of the engine's trees, looked through before the engine opens them.
//!
//! The engine makes a tree anew where it finds no `current`, removes folders that it does not know,
//! and believes the lengths in the headers of its files before it compares their checksums, so that
//! one flipped bit can end the process. Here every header is compared first, and nothing is
//! changed.
//!
//! ```text
//! current      id of the manifest:u64, xxh3 of the manifest:u128, kind of checksum:u8 (0)
//! v<id>        the manifest: an archive that names the tables
//! tables/<id>  a table: an archive of blocks, each with its checksum
//! archive      sections, contents, trailer
//! trailer      "SFA!", version:u8 (1), kind of checksum:u8 (0), xxh3 of the contents:u128, their place:u64, length:u64
//! ```
//!
//! Source: lsm-tree 3.1, `src/version/persist.rs`; sfa 1.0, `src/trailer`, `src/toc`.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Says what is wrong with the folder of a tree, if anything is.
pub(in crate::embedded) fn look(folder: &Path) -> io::Result<Option<String>> {
    let missing = |name: &str| Ok(Some(format!("{} is missing", folder.join(name).display())));
    let Some(current) = read(&folder.join("current"))? else { return missing("current") };
    let Ok(current) = <[u8; 25]>::try_from(current) else {
        return Ok(Some(format!("{} is damaged: it has the wrong length", folder.join("current").display())));
    };
    let manifest = format!("v{}", little::<8, u64>(&current, u64::from_le_bytes));
    let Some(bytes) = read(&folder.join(&manifest))? else { return missing(&manifest) };
    let check = little::<16, u128>(&current[8..], u128::from_le_bytes);
    if current[24] != 0 || xxh3_128(&bytes) != check {
        return Ok(Some(format!(
            "{} is damaged: it has the wrong checksum",
            folder.join(manifest).display()
        )));
    }
    // The order matters: the manifest was compared with its checksum above, so the lengths in it
    // can be believed from here on.
    for NamedTable { id, .. } in tables(&folder.join(manifest))? {
        let path = folder.join("tables").join(id.to_string());
        match look_at_archive(&path) {
            Ok(None) => {}
            Ok(Some(problem)) => return Ok(Some(format!("{} is damaged: {problem}", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(format!("{} is missing", path.display())));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Reads all tables of a tree whose headers are whole, and says which is damaged, if one is.
///
/// One that is gone meanwhile was merged into others.
pub(in crate::embedded) fn verify(folder: &Path) -> io::Result<Option<String>> {
    for NamedTable { id, check, .. } in named(folder)? {
        let path = folder.join("tables").join(id.to_string());
        match checksum(&path) {
            Ok(found) if found == check => {}
            Ok(_) => {
                return Ok(Some(format!(
                    "{} is damaged: what is in it has the wrong checksum",
                    path.display()
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Ok(Some(format!("{} cannot be read: {error}", path.display()))),
        }
    }
    Ok(None)
}

/// Returns the tables of the tree in a folder, none if it does not say which they are.
pub(super) fn named(folder: &Path) -> io::Result<Vec<NamedTable>> {
    let Some(current) = read(&folder.join("current"))?.filter(|current| current.len() >= 8) else {
        return Ok(Vec::new());
    };
    let manifest = folder.join(format!("v{}", little::<8, u64>(&current, u64::from_le_bytes)));
    if manifest.exists() { tables(&manifest) } else { Ok(Vec::new()) }
}

fn checksum(path: &Path) -> io::Result<u128> {
    let (mut file, mut hasher, mut piece) = (File::open(path)?, Xxh3::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.digest128()),
            length => hasher.update(&piece[..length]),
        }
    }
}

const PIECE_BYTES: usize = 256 * 1024;

/// A table, as a manifest names it.
pub(super) struct NamedTable {
    pub(super) id: u64,
    /// xxh3 of the whole file.
    pub(super) check: u128,
    /// The engine's number that those of the records in it count from.
    pub(super) number: u64,
}

/// Returns which tables a manifest names; others are left from a write that did not finish.
///
/// ```text
/// tables := levels:u8, (runs:u8, (tables:u32, (id:u64, kind of checksum:u8, checksum:u128, engine's number:u64)*)*)*
/// ```
fn tables(manifest: &Path) -> io::Result<Vec<NamedTable>> {
    fn damaged<E>(_: E) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, "a manifest has no list of tables")
    }
    let archive = sfa::Reader::new(manifest).map_err(damaged)?;
    let section = archive.toc().section(b"tables").ok_or(()).map_err(damaged)?;
    let mut bytes = Vec::new();
    section.buf_reader(manifest)?.read_to_end(&mut bytes)?;
    let mut rest = &bytes[..];
    let mut tables = Vec::new();
    let [levels] = array(&mut rest)?;
    for _ in 0..levels {
        let [runs] = array(&mut rest)?;
        for _ in 0..runs {
            for _ in 0..u32::from_le_bytes(array(&mut rest)?) {
                let id = u64::from_le_bytes(array(&mut rest)?);
                let [_kind] = array(&mut rest)?;
                let check = u128::from_le_bytes(array(&mut rest)?);
                let number = u64::from_le_bytes(array(&mut rest)?);
                tables.push(NamedTable { id, check, number });
            }
        }
    }
    Ok(tables)
}

fn array<const N: usize>(rest: &mut &[u8]) -> io::Result<[u8; N]> {
    let (array, after) = rest.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    *rest = after;
    Ok(*array)
}

/// Compares the table of contents with its checksum.
fn look_at_archive(path: &Path) -> io::Result<Option<&'static str>> {
    // Only the contents at the end are compared: a start must not take as long as reading all that
    // is stored. `verify` reads tables whole.
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let Some(end) = bytes.checked_sub(TRAILER_BYTES as u64) else { return Ok(Some("it is too short")) };
    let mut trailer = [0; TRAILER_BYTES];
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut trailer)?;
    if trailer[..6] != *b"SFA!\x01\x00" {
        return Ok(Some("its last bytes are not those of a table"));
    }
    let check = little::<16, u128>(&trailer[6..], u128::from_le_bytes);
    let offset = little::<8, u64>(&trailer[22..], u64::from_le_bytes);
    let Some(length) = end.checked_sub(offset).filter(|length| *length <= CONTENTS_BYTES_MAX) else {
        return Ok(Some("its table of contents lies outside of it"));
    };
    let mut contents = vec![0; usize::try_from(length).unwrap_or(0)];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut contents)?;
    Ok((xxh3_128(&contents) != check).then_some("its table of contents has the wrong checksum"))
}

const TRAILER_BYTES: usize = 4 + 1 + 1 + 16 + 8 + 8;

/// Far more than the handful of sections of a table need.
const CONTENTS_BYTES_MAX: u64 = 1024 * 1024;

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a number at the beginning of `bytes`, which has as many.
fn little<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> T {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    number(array)
}
