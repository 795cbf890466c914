//! The environment: our variables by name, misspelled ones, and injected ones.

use std::collections::HashMap;
use std::ffi::OsString;

use super::problem::Problems;
use super::service_link::{self, PREFIX};
use super::{near, setting};

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Our variables, by name.
    pub(super) ours: HashMap<String, String>,
    /// Names of variables that an orchestrator injected for a service named like this program.
    pub(super) links: Vec<String>,
}

/// Sorts the variables. One that starts as ours do and is neither ours nor a service link is an
/// error, since it was surely meant for us.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Problems,
) -> Environment {
    let named: Vec<(String, OsString)> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    let set = |wanted: &str| {
        named.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.to_str()).map(str::to_owned)
    };
    // A variable of ours counts as ours even where it looks like a link: it is looked up first.
    let mut environment = Environment::default();
    for (name, value) in &named {
        let known = || setting::ALL.iter().map(|key| key.variable).chain([setting::CONFIG_VARIABLE]);
        if known().any(|variable| variable == name) {
            match value.to_str() {
                Some(value) => {
                    environment.ours.insert(name.clone(), value.to_owned());
                }
                // It may be a secret, so it is not shown.
                None => problems.push(format!("{name}: its value is not UTF-8; write it in UTF-8")),
            }
        } else if service_link::is_link(name, &value.to_string_lossy(), set) {
            environment.links.push(name.clone());
        } else {
            let meant = near::nearest(name, known()).map_or_else(
                || "tidings --help lists all of them".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            problems.push(format!("{name}: tidings has no such environment variable; {meant}"));
        }
    }
    environment.links.sort_unstable();
    environment
}
