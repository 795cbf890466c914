//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches};

use super::exchange_wish::{self, ExportWish, ImportWish};
use super::keys_wish::{self, KeysWish};
use super::problem::Problems;
use super::revoke_wish::{self, RevokeWish};
use super::token_wish::{self, TokenWish};
use super::{address, setting};

/// The command that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Run the server.
    Serve,
    /// Say whether it could run.
    Check {
        /// Read everything that is stored, too.
        deep: bool,
    },
    /// Read what can be read of a damaged data directory into a new one.
    Salvage { from: PathBuf, to: PathBuf },
    /// Move aside what keeps shared timelines from opening.
    Repair,
    /// Write all that is stored.
    Export(ExportWish),
    /// Make a data directory of an export.
    Import(ImportWish),
    /// Make a token.
    Token(Box<TokenWish>),
    /// Make keys.
    Keys(KeysWish),
    /// End tokens before their time.
    Revoke(RevokeWish),
}

/// A command line that was understood.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) command: Command,
    matches: ArgMatches,
}

/// What to do instead of running.
#[derive(Debug)]
pub(crate) enum Instead {
    /// Print this and be done: help or version.
    Print(String),
    /// The command line is wrong.
    Refuse(Problems),
}

impl Invocation {
    /// Reads the command line.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Instead> {
        let matches = command().try_get_matches_from(arguments).map_err(|error| instead(&error))?;
        let (command, matches) = match matches.subcommand() {
            Some(("check", inner)) => (Command::Check { deep: inner.get_flag(DEEP) }, inner.clone()),
            Some(("salvage", inner)) => {
                (Command::Salvage { from: path(inner, FROM), to: path(inner, TO) }, inner.clone())
            }
            Some(("repair", inner)) => (Command::Repair, inner.clone()),
            Some(("export", inner)) => (Command::Export(understood(ExportWish::read(inner))?), inner.clone()),
            Some(("import", inner)) => (Command::Import(understood(ImportWish::read(inner))?), inner.clone()),
            Some(("token", inner)) => {
                (Command::Token(Box::new(understood(TokenWish::read(inner))?)), inner.clone())
            }
            Some(("keys", inner)) => (Command::Keys(understood(KeysWish::read(inner))?), inner.clone()),
            Some(("revoke", inner)) => (Command::Revoke(understood(RevokeWish::read(inner))?), inner.clone()),
            Some((_, inner)) => (Command::Serve, inner.clone()),
            None => (Command::Serve, matches),
        };
        Ok(Self { command, matches })
    }

    /// What the flag `name` was given.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        self.matches.get_one::<String>(name).map(String::as_str)
    }
}

fn command() -> clap::Command {
    // Every flag is global, so that it may stand before the command and behind it.
    let flags = setting::ALL.iter().map(|key| {
        let flag = Arg::new(key.name)
            .long(key.name)
            .value_name(key.placeholder)
            .help(key.help())
            .action(ArgAction::Set)
            .global(true);
        // A switch may stand alone: `--insecure` means `--insecure=true`.
        if key.placeholder == "BOOLEAN" {
            flag.num_args(0..=1).require_equals(true).default_missing_value("true")
        } else {
            flag.allow_hyphen_values(false)
        }
    });
    let file = Arg::new(setting::CONFIG)
        .long(setting::CONFIG)
        .value_name("FILE")
        .help(format!(
            "A TOML file with any of the names below as keys; flags and environment variables override it \
             [env: {}]",
            setting::CONFIG_VARIABLE
        ))
        .global(true);
    clap::Command::new("tidings")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Presence, timelines and a WebSocket hub in one server, with a chat page")
        .styles(Styles::plain())
        .disable_help_subcommand(true)
        .subcommand(clap::Command::new("serve").about("Run the server; the same happens without a command"))
        .subcommand(check())
        .subcommand(salvage())
        .subcommand(repair())
        .subcommand(exchange_wish::export())
        .subcommand(exchange_wish::import())
        .subcommand(token_wish::command())
        .subcommand(keys_wish::command())
        .subcommand(revoke_wish::command())
        .arg(file)
        .args(flags)
}

const DEEP: &str = "deep";

fn check() -> clap::Command {
    clap::Command::new("check")
        .about("Say whether the server could run: configuration, ports, data directory, databases and what they store")
        .arg(Arg::new(DEEP).long(DEEP).action(ArgAction::SetTrue).help(
            "Read every stored block as well, and name the file that is damaged; takes as long as reading \
             the directory",
        ))
        .after_help("Exit codes: 0 all is well, 1 there is a problem, 2 the configuration is wrong")
}

const FROM: &str = "FROM";
const TO: &str = "TO";

fn salvage() -> clap::Command {
    let directory =
        |name, help| Arg::new(name).required(true).value_parser(clap::value_parser!(PathBuf)).help(help);
    clap::Command::new("salvage")
        .about("Read what can be read of a damaged data directory into a new one, and say what was lost")
        .arg(directory(FROM, "The damaged data directory; it stays as it is"))
        .arg(directory(TO, "The new data directory; it must not exist yet, or be empty"))
        .after_help(
            "Exit codes: 0 everything was read, 3 something was read and something is lost (the report says \
             what), 1 nothing was read and TO was not created, 2 the command line is wrong",
        )
}

fn repair() -> clap::Command {
    clap::Command::new("repair")
        .about(
            "Move documents in MongoDB that have the sequence of another one aside, and list them: the Go service may \
             have left some, and no server opens the timelines before. The Go service must not run, now or later",
        )
        .after_help("Exit codes: 0 there are none any more, 1 something failed, 2 the configuration is wrong")
}

/// What a command was asked for; else the line that says why it cannot be.
fn understood<T>(wish: Result<T, String>) -> Result<T, Instead> {
    wish.map_err(|line| {
        let line = address::hidden_in(&line);
        Instead::Refuse(Problems::one(line))
    })
}

fn path(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<PathBuf>(name).cloned().unwrap_or_default()
}

/// Makes one line of what clap says in a paragraph with tips and usage.
fn instead(error: &clap::Error) -> Instead {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Instead::Print(error.to_string());
    }
    if error.kind() == ErrorKind::MissingRequiredArgument {
        // Nothing else has any, and clap puts their names on lines of their own.
        let line = "salvage needs two directories, the damaged one and a new one: tidings salvage FROM TO";
        return Instead::Refuse(Problems::one(line.to_owned()));
    }
    let text = error.to_string();
    let mut line = String::new();
    for part in text.lines().map(str::trim) {
        if part.starts_with("Usage:") || part.starts_with("For more information") {
            break;
        }
        // Of several tips the first one helps; the other is about `--`.
        let first_tip = part.starts_with("tip:") && !line.contains("; ");
        if first_tip {
            line.push_str("; ");
            line.push_str(part.trim_start_matches("tip:").trim());
        } else if line.is_empty() {
            line.push_str(part.trim_start_matches("error:").trim());
        }
    }
    let mut line = address::hidden_in(&line);
    line.push_str("; tidings --help lists all commands and flags");
    Instead::Refuse(Problems::one(line))
}
