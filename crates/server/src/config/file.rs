//! The configuration file.

use std::collections::HashMap;

use toml::{Table, Value};

use super::problem::Problems;
use super::{address, near, setting};

/// Reads the file at `path` into texts by key, as flags and variables are.
pub(super) fn read(path: &str, problems: &mut Problems) -> HashMap<String, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text, problems),
        Err(error) => {
            // It may be an address in the wrong place.
            problems.push(format!("--config: {:?} cannot be read: {error}", address::hidden_in(path)));
            HashMap::new()
        }
    }
}

fn parse(path: &str, text: &str, problems: &mut Problems) -> HashMap<String, String> {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            problems.push(not_toml(path, text, &error));
            return HashMap::new();
        }
    };
    let mut values = HashMap::new();
    for (name, value) in table {
        let Some(key) = setting::named(&name) else {
            let known = setting::ALL.iter().map(|key| key.name);
            let meant = near::nearest(&name, known).map_or_else(
                || "tidings --help lists all of them".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            problems.push(format!("{path}: there is no key {:?}; {meant}", address::hidden_in(&name)));
            continue;
        };
        if let Some(text) = plain(&value) {
            values.insert(name, text);
        } else {
            let shown = key.show_value(&value.to_string());
            problems.push(format!(
                "{path}: {name} = {shown} has the wrong type; give one text, number or boolean"
            ));
        }
    }
    values
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(switch) => Some(switch.to_string()),
        // A list is what flags write with commas.
        Value::Array(list) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn not_toml(path: &str, text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message = error.message().replace('\n', ", ");
    format!("{path}: line {line} is not valid TOML: {message}")
}
