//! Which log lines are written.
//!
//! What `tracing` would take for the name of a module is more often a misspelled level.

use tracing_subscriber::EnvFilter;

use super::near;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
/// The level of every module that the filter does not name.
const USUAL: &str = "info";
/// Our own modules; a name near one of them is taken for a misspelling.
const OURS: [&str; 8] = [
    "conductor_hub",
    "mpx",
    "presence_core",
    "presence_redis",
    "redis_link",
    "tidings",
    "tidings_join",
    "timeline",
];
/// The engine of the store tells at `info` of every file it makes, which helps nobody who has not
/// asked.
const ENGINE: [&str; 2] = ["fjall=warn", "lsm_tree=warn"];

const ALLOWED: &str =
    "give error, warn, info, debug, trace or off, also by module, like info,conductor_hub=debug";

/// Checks a filter; returns it in the words of `tracing`, with a level for what it does not name.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let wrong = || format!("is not a log filter; {ALLOWED}");
    let mut parts = Vec::new();
    let mut general = false;
    for part in split(text) {
        let part = part.trim();
        match part.split_once(['=', '[']) {
            _ if part.is_empty() => return Err(wrong()),
            None => {
                general = true;
                level(part)?;
            }
            Some((module, _)) => {
                module_is_known(module.trim())?;
                // A span in brackets may hold signs of its own; then the level stands behind them.
                // What lies before the bracket is the module, which was looked at already.
                let after = part.rsplit_once(']').map_or(part, |(_, after)| after);
                if let Some((_, given)) = after.rsplit_once('=') {
                    level(given.trim())?;
                }
            }
        }
        parts.push(part);
    }
    if parts.is_empty() {
        return Err(wrong());
    }
    if !general {
        parts.insert(0, USUAL);
    }
    if parts.iter().any(|part| part.eq_ignore_ascii_case(USUAL)) {
        // What is said about the engine itself comes later and counts more.
        parts.splice(0..0, ENGINE);
    }
    let filter = parts.join(",");
    EnvFilter::builder().parse(&filter).map(|_| filter).map_err(|_| wrong())
}

/// The parts between commas, those within brackets not counted.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |letter| {
        depth += match letter {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        };
        letter == ',' && depth <= 0
    })
}

fn level(text: &str) -> Result<(), String> {
    if LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text)) {
        return Ok(());
    }
    let lower = text.to_ascii_lowercase();
    let near = near::nearest(text, LEVELS)
        .or_else(|| LEVELS.into_iter().find(|level| lower.starts_with(level) || level.starts_with(&lower)));
    Err(match near {
        Some(near) if !text.is_empty() => {
            format!("has no level {text:?}; did you mean {near}? {}", capital(ALLOWED))
        }
        _ => format!("is not a log filter; {ALLOWED}"),
    })
}

fn module_is_known(module: &str) -> Result<(), String> {
    let first = module.split("::").next().unwrap_or_default();
    match near::nearest(first, OURS) {
        Some(near) if near != first => Err(format!("has no module {first:?}; did you mean {near}?")),
        _ => Ok(()),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_modules_are_taken_and_the_rest_has_a_level_too() {
        for (given, filter) in [
            ("info", "fjall=warn,lsm_tree=warn,info"),
            ("INFO,fjall=info", "fjall=warn,lsm_tree=warn,INFO,fjall=info"),
            ("WARN", "WARN"),
            ("off", "off"),
            (" info , conductor_hub=debug", "fjall=warn,lsm_tree=warn,info,conductor_hub=debug"),
            ("conductor_hub=debug", "fjall=warn,lsm_tree=warn,info,conductor_hub=debug"),
            ("tidings::http=trace,off", "tidings::http=trace,off"),
            ("hyper=debug", "fjall=warn,lsm_tree=warn,info,hyper=debug"),
            ("mpx[connect{address}]=trace", "fjall=warn,lsm_tree=warn,info,mpx[connect{address}]=trace"),
        ] {
            assert_eq!(parse(given).as_deref(), Ok(filter), "{given}");
        }
    }

    #[test]
    fn a_misspelled_level_or_module_is_named_with_the_near_one() {
        for (given, meant) in [
            ("inf0", "info"),
            ("warning", "warn"),
            ("err", "error"),
            ("debgu", "debug"),
            ("info,conductor_hub=debgu", "debug"),
            ("condutor_hub=debug", "conductor_hub"),
            ("timelines=debug", "timeline"),
            ("tidings_joint=debug", "tidings_join"),
        ] {
            let error = parse(given).unwrap_err();
            assert!(error.contains(&format!("did you mean {meant}?")), "{given}: {error}");
        }
        for given in ["", " ", ",", "loud=very", "conductor_hub", "3", "info,", "=info="] {
            assert!(parse(given).unwrap_err().contains("give error, warn, info"), "{given:?}");
        }
    }
}
