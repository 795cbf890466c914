//! Reads files with keys, up to a bound.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// How long a file with a key may be.
const BYTES_MAX: u64 = 64 * 1024;

/// Reads a file; the error names it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    bytes(path).map_err(|error| {
        let text = format!("the key file {} cannot be read", path.display());
        Error::with_source(ErrorKind::Unavailable, text, error)
    })
}

/// Removes the end of the line, which belongs to no secret.
pub(crate) fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= BYTES_MAX) {
        return Ok(bytes);
    }
    Err(std::io::Error::other(format!("it has more than {BYTES_MAX} bytes")))
}
