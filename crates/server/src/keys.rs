//! `tidings keys`: the files of keys that sign and verify tokens.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tidings::identity::NewKey;

use crate::config::{KeyKind, KeysWish};
use crate::log;

/// Nobody but our user reads what signs.
const PRIVATE: u32 = 0o600;
/// What only verifies everybody may read.
const PUBLIC: u32 = 0o644;

/// One file that is to be written.
struct NewFile<'a> {
    name: &'static str,
    text: &'a str,
    mode: u32,
}

/// Makes keys and writes their files, all of them or none; returns what they are for, to be
/// printed.
pub(crate) fn keys(wish: &KeysWish) -> anyhow::Result<String> {
    let key = match wish.kind {
        KeyKind::Ed25519 => NewKey::ed25519(),
        KeyKind::Es256 => NewKey::es256(),
        KeyKind::Hs256 => NewKey::hs256(),
    }?;
    let files = match key.verifying() {
        Some(verifying) => vec![
            NewFile { name: "signing.pem", text: key.signing(), mode: PRIVATE },
            NewFile { name: "verifying.pem", text: verifying, mode: PUBLIC },
        ],
        None => vec![NewFile { name: "secret.key", text: key.signing(), mode: PRIVATE }],
    };
    write(&wish.out, &files)?;
    let out = wish.out.display();
    Ok(match wish.kind {
        KeyKind::Hs256 => format!(
            "{out}/secret.key signs tokens and verifies them: keep it where users log in, and start the server \
             with --token-keys {out}/secret.key\n"
        ),
        KeyKind::Ed25519 | KeyKind::Es256 => format!(
            "{out}/signing.pem signs tokens: keep it where users log in, and nowhere else\n\
             {out}/verifying.pem verifies them: start the server with --token-keys {out}/verifying.pem\n"
        ),
    })
}

fn write(directory: &Path, files: &[NewFile<'_>]) -> anyhow::Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("--out: {} cannot be created", directory.display()))?;
    let mut made = Vec::new();
    let written = files.iter().try_for_each(|file| {
        let path = directory.join(file.name);
        write_new(&path, file, &mut made).map_err(|error| refused(&path, error))
    });
    // Their names are lost with the power unless the directory is written, too.
    let written = written.and_then(|()| {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.with_context(|| format!("--out: {} cannot be written", directory.display()))
    });
    if written.is_err() {
        // Half of a pair is of no use, and would be in the way of the next try.
        for path in made {
            if let Err(error) = fs::remove_file(&path) {
                log::complain(format_args!("{} cannot be removed: {error}", path.display()));
            }
        }
    }
    written
}

/// Writes a file that is not there yet, and notes that it was made.
fn write_new(path: &Path, new: &NewFile<'_>, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(new.mode).open(path)?;
    made.push(path.to_owned());
    file.write_all(new.text.as_bytes())?;
    file.sync_all()
}

/// Says why a file was not written. A key that is there may be the one that tokens are signed with.
fn refused(path: &Path, error: io::Error) -> anyhow::Error {
    let path = path.display();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return anyhow!("--out: {path} is there already, and no key is written over; name another directory");
    }
    anyhow::Error::new(error).context(format!("--out: {path} cannot be written"))
}
