//! The command lines of `tidings export` and `tidings import`.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use clap::{Arg, ArgMatches};
use http::Uri;
use http::uri::Authority;

const FILE: &str = "FILE";
const DIRECTORY: &str = "DIRECTORY";
const FROM: &str = "from";
const TOKEN_FILE: &str = "token-file";

/// Where an export is written to or read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    File(PathBuf),
    /// The standard output for an export, and the standard input for an import.
    Standard,
}

/// The export that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExportWish {
    pub(crate) to: Target,
    /// The server that is asked; `None` for the data directory of one that does not run.
    pub(crate) from: Option<ServerAddress>,
    /// The file with the token for that server.
    pub(crate) token: Option<PathBuf>,
}

/// The export that is to be read, and the directory that is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImportWish {
    pub(crate) from: Target,
    pub(crate) to: PathBuf,
}

/// Where a server listens for HTTP without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress(Authority);

/// The port of an address that names none.
const PORT: u16 = 80;

impl ServerAddress {
    /// Returns what is connected to.
    pub(crate) fn place(&self) -> (&str, u16) {
        let host = self.0.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (bare, self.0.port_u16().unwrap_or(PORT))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl ExportWish {
    /// Reads the command line, or says in one line what is wrong with it.
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, String> {
        let to = target(matches).ok_or(
            "export needs the file to write, or - for the standard output: tidings export FILE, or tidings \
             export FILE --from http://127.0.0.1:8000",
        )?;
        let from = matches.get_one::<String>(FROM).map(|text| server(text)).transpose()?;
        let token = matches.get_one::<PathBuf>(TOKEN_FILE).cloned();
        if token.is_some() && from.is_none() {
            return Err(format!(
                "--{TOKEN_FILE}: a token is for a server that runs; add --{FROM}, or leave it out"
            ));
        }
        Ok(Self { to, from, token })
    }
}

impl ImportWish {
    /// Reads the command line, or says in one line what is wrong with it.
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, String> {
        let directory = matches.get_one::<PathBuf>(DIRECTORY).cloned();
        let (Some(from), Some(to)) = (target(matches), directory) else {
            return Err(
                "import needs the file of an export, or - for the standard input, and a new directory: \
                        tidings import FILE DIRECTORY"
                    .to_owned(),
            );
        };
        Ok(Self { from, to })
    }
}

fn target(matches: &ArgMatches) -> Option<Target> {
    let path = matches.get_one::<PathBuf>(FILE)?;
    Some(if path.as_os_str() == OsStr::new("-") { Target::Standard } else { Target::File(path.clone()) })
}

/// Reads the address of a server. What else is in it may be a secret, and is not repeated.
fn server(text: &str) -> Result<ServerAddress, String> {
    let url: Option<Uri> = text.parse().ok();
    if url.as_ref().and_then(Uri::scheme_str) == Some("https") {
        return Err(format!(
            "--{FROM}: a server has no TLS of its own; run this on its machine and give the address where it \
             listens, like http://127.0.0.1:8000, or fetch /export through your proxy by another program"
        ));
    }
    let plain = url.filter(|url| {
        url.scheme_str() == Some("http")
            && url.path_and_query().is_none_or(|path| path.as_str() == "/")
            && !text.contains('#')
    });
    let authority = plain.and_then(|url| url.authority().cloned());
    authority.filter(|authority| !authority.as_str().contains('@')).map(ServerAddress).ok_or_else(|| {
        format!("--{FROM}: this is not the address of a server; give one like http://127.0.0.1:8000")
    })
}

pub(super) fn export() -> clap::Command {
    clap::Command::new("export")
        .about("Write all that the timelines store, as lines of JSON, for a backup or for another store")
        .arg(path(FILE, "The file to write, FILE.part until it is whole; - is the standard output"))
        .arg(Arg::new(FROM).long(FROM).value_name("URL").help(
            "Ask a server that runs, like http://127.0.0.1:8000; without it, the data directory of a server that \
             does not run is read",
        ))
        .arg(
            Arg::new(TOKEN_FILE)
                .long(TOKEN_FILE)
                .value_name("PATH")
                .value_parser(clap::value_parser!(PathBuf))
                .help("A file with a token of the scope timelines for that server, as `tidings token` prints one"),
        )
        .after_help(
            "Exit codes: 0 the export is whole; 1 it is not: run this again, and it goes on where it was if \
             nothing was written to the store meanwhile; 2 the command line or the configuration is wrong",
        )
}

pub(super) fn import() -> clap::Command {
    clap::Command::new("import")
        .about("Make a data directory of an export")
        .arg(path(FILE, "The file that `tidings export` has written; - is the standard input"))
        .arg(path(DIRECTORY, "The new data directory; it must not exist yet, or be empty"))
        .after_help(
            "Exit codes: 0 all of it was read; 1 it was not: the error says why, and if the directory was begun, \
             run this again with the same file, and it goes on where it was; 2 the command line is wrong",
        )
}

fn path(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).value_parser(clap::value_parser!(PathBuf)).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_server_is_read_and_nothing_that_looks_like_one() {
        let place = |text: &str| {
            let server = server(text).unwrap();
            let (host, port) = server.place();
            (host.to_owned(), port)
        };
        assert_eq!(place("http://127.0.0.1:8000"), ("127.0.0.1".to_owned(), 8000));
        assert_eq!(place("http://[::1]:8000/"), ("::1".to_owned(), 8000));
        assert_eq!(place("http://chat.example"), ("chat.example".to_owned(), 80));
        for wrong in
            ["", "127.0.0.1:8000", "http://", "http://u:hidden@host", "http://host/export", "ftp://host"]
        {
            let error = server(wrong).unwrap_err();
            assert!(error.contains("give one like") && !error.contains("hidden"), "{wrong}: {error}");
        }
        assert!(server("https://chat.example").unwrap_err().contains("TLS"));
    }
}
