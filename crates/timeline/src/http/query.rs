//! The parameters of a `GET` and of a form, as the fields of their request.

use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::field::Field;
use super::problem::Problem;
use super::unreadable;

/// Reads a request off a query and the parameters of the path, which count more.
///
/// A field given twice is an error unless it is a list, and so is what is not UTF-8: read with a
/// sign in place of each wrong byte, two names could become one. An unknown field is ignored.
pub(super) fn decode<T: DeserializeOwned>(query: &str, path: &[(&str, String)]) -> Result<T, Problem> {
    let mut fields = Map::new();
    for (name, value) in parameters(query.as_bytes(), "query")? {
        if !path.iter().any(|(of_path, _)| *of_path == name) {
            add(&mut fields, name, value)?;
        }
    }
    for (name, value) in path {
        fields.insert((*name).to_owned(), Value::String(value.clone()));
    }
    request(fields)
}

/// Reads a request off a form, which is held to the same as a query.
pub(super) fn decode_form<T: DeserializeOwned>(form: &[u8]) -> Result<T, Problem> {
    let mut fields = Map::new();
    for (name, value) in parameters(form, "form")? {
        add(&mut fields, name, value)?;
    }
    request(fields)
}

fn parameters<'a>(
    text: &'a [u8],
    what: &str,
) -> Result<impl Iterator<Item = (String, String)> + use<'a>, Problem> {
    if percent_decode(text).decode_utf8().is_err() {
        return Err(Problem::codec(format!("the {what} is not UTF-8; percent-encode it as UTF-8")));
    }
    Ok(form_urlencoded::parse(text).into_owned())
}

fn add(fields: &mut Map<String, Value>, name: String, value: String) -> Result<(), Problem> {
    let field = Field::of(&name);
    // There is one parameter for each value of a list.
    if field == Some(Field::Texts) {
        let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::String(value));
        }
        return Ok(());
    }
    let value = match (field, &*value) {
        (Some(Field::Boolean), "true" | "1") => Value::Bool(true),
        (Some(Field::Boolean), "false" | "0") => Value::Bool(false),
        _ => Value::String(value),
    };
    if fields.contains_key(&name) {
        let text = format!("{name}: the parameter is given more than once; give it once");
        return Err(Problem::codec(text));
    }
    fields.insert(name, value);
    Ok(())
}

fn request<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Problem> {
    let fields = Value::Object(fields);
    serde_path_to_error::deserialize(&fields)
        .map_err(|error| unreadable::field(&fields.to_string(), Some(&error)))
}
