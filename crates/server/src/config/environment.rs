//! The environment: our variables by name, and the misspelled ones.

use std::collections::HashMap;
use std::ffi::OsString;

use super::problem::Problems;
use super::{key, near};

const PREFIX: &str = "TIDINGS_";

/// Our variables, by name. Any other that starts as ours do is an error, since it was surely meant for us.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Problems,
) -> HashMap<String, String> {
    let mut ours = HashMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let known = || key::ALL.iter().map(|key| key.variable).chain([key::CONFIG_VARIABLE]);
        if !known().any(|variable| variable == name) {
            let meant = near::nearest(name, known()).map_or_else(
                || "tidings --help lists what there is".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            problems.push(format!("{name}: there is no such environment variable of tidings; {meant}"));
        } else if let Some(value) = value.to_str() {
            ours.insert(name.to_owned(), value.to_owned());
        } else {
            problems.push(format!("{name}: {value:?} is not UTF-8"));
        }
    }
    ours
}
