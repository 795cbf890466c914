//! The parameters of a `GET`, as the fields of its request.

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Problem;

/// Reads a request off a query and the parameters of the path, which count more.
///
/// A field given twice is an error, and so is what is not UTF-8: read with a sign in place of each
/// wrong byte, two names could become one. An unknown field is ignored.
pub(super) fn decode<T: DeserializeOwned>(query: &str, path: &[(&str, String)]) -> Result<T, Problem> {
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(Problem::codec("the query is not UTF-8; percent-encode it as UTF-8"));
    }
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if path.iter().any(|(of_path, _)| *of_path == name) {
            continue;
        }
        let value = match (&*name, &*value) {
            ("backward", "true" | "1") => Value::Bool(true),
            ("backward", "false" | "0") => Value::Bool(false),
            _ => Value::String(value.into_owned()),
        };
        if fields.insert(name.clone().into_owned(), value).is_some() {
            return Err(Problem::codec(format!(
                "{name}: the parameter is given more than once; give it once"
            )));
        }
    }
    for (name, value) in path {
        fields.insert((*name).to_owned(), Value::String(value.clone()));
    }
    serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|error| Problem::codec(format!("{}: {}", error.path(), error.inner())))
}
