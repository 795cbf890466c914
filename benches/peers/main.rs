//! The load client of `cargo xtask peers`: measures hubs of others beside ours.
//!
//! ```text
//! hub-peers list                                    what there is to measure, as one JSON object:
//!   {"columns":[{"name":"idle memory","unit":"bytes/connection","more_is_better":false}],
//!    "peers":[{"name":"ws","package":"npm:ws","settings":"…"}]}     the first peer is ours
//! hub-peers measure PEER COLUMN FOLDER [--smoke]     one measurement, in a process of its own:
//!   {"value":41877.2}
//! ```
//!
//! FOLDER is where xtask has put the servers of the peers; ours, `budget-hub`, lies beside this
//! binary. Every server does the same: what one member writes goes to all others, but not back.
//! The clients do on the wire what the libraries of each peer do, and cost as little as can be.

mod column;
mod fanout;
mod idle;
mod latency;
mod member;
mod peer;
mod room;
mod server;
mod wire;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::{env, io};

use benches::budget::Effort;
use serde_json::json;

use crate::column::COLUMNS;
use crate::peer::PEERS;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answered = answer(&arguments).and_then(|text| Ok(writeln!(io::stdout(), "{text}")?));
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With nobody to read the error the exit code still tells.
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn answer(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let (peer, column, folder, effort) = match arguments {
        ["list"] => return Ok(list()),
        ["measure", peer, column, folder] => (peer, column, folder, Effort::full()),
        ["measure", peer, column, folder, "--smoke"] => (peer, column, folder, Effort::smoke()),
        _ => return Err("use `cargo xtask peers`, or: list | measure PEER COLUMN FOLDER [--smoke]".into()),
    };
    let peer = PEERS.iter().find(|known| known.name == *peer);
    let peer = peer.ok_or_else(|| format!("no peer is named {:?}", arguments[1]))?;
    let column = COLUMNS.iter().find(|known| known.name == *column);
    let column = column.ok_or_else(|| format!("no column is named {:?}", arguments[2]))?;
    let value = (column.measure)(peer, Path::new(folder), effort)
        .map_err(|error| format!("{} of {}: {error}", column.name, peer.name))?;
    Ok(json!({ "value": value }).to_string())
}

fn list() -> String {
    let columns = COLUMNS.iter().map(
        |column| json!({ "name": column.name, "unit": column.unit, "more_is_better": column.more_is_better }),
    );
    let peers = PEERS
        .iter()
        .map(|peer| json!({ "name": peer.name, "package": peer.package, "settings": peer.settings }));
    json!({ "columns": columns.collect::<Vec<_>>(), "peers": peers.collect::<Vec<_>>() }).to_string()
}
