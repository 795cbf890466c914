//! The command line of `tidings keys`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches};

const OUT: &str = "out";
const ALGORITHM: &str = "algorithm";

/// The keys that are to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeysWish {
    /// The directory that gets them.
    pub(crate) out: PathBuf,
    pub(crate) kind: KeyKind,
}

/// What keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Ed25519,
    Es256,
    Hs256,
}

impl KeysWish {
    /// Reads the flags, or says in one line what is wrong with them.
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, String> {
        let Some(out) = matches.get_one::<PathBuf>(OUT).cloned() else {
            return Err("keys needs a directory for the files: tidings keys --out DIRECTORY".to_owned());
        };
        let algorithm = matches.get_one::<String>(ALGORITHM).map_or("", String::as_str);
        let kind = match algorithm {
            "ed25519" => KeyKind::Ed25519,
            "es256" => KeyKind::Es256,
            "hs256" => KeyKind::Hs256,
            _ => {
                return Err(format!(
                    "--{ALGORITHM}: {algorithm:?} is not an algorithm; give ed25519, es256 or hs256"
                ));
            }
        };
        Ok(Self { out, kind })
    }
}

pub(super) fn command() -> clap::Command {
    clap::Command::new("keys")
        .about("Make keys for tokens: one file that signs, and one that verifies")
        .arg(
            Arg::new(OUT)
                .long(OUT)
                .value_name("DIRECTORY")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Where the files go; created when missing. No file is written over"),
        )
        .arg(Arg::new(ALGORITHM).long(ALGORITHM).value_name("NAME").default_value("ed25519").help(
            "What they are for: ed25519 or es256, with signing.pem and verifying.pem, or hs256, with one \
             secret.key",
        ))
        .after_help(
            "Exit codes: 0 the keys were made, 1 they cannot be written, 2 the command line or the \
             configuration is wrong",
        )
}
