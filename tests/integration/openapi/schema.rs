//! Values against the JSON schemas of a document, strictly.
//!
//! An object has no field that its schema does not name, as nothing that the server answers is to
//! be missing in the document. A keyword that is not known here fails.

use serde_json::Value;

/// Says what of a value is not as the schema has it.
pub(super) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let keywords = schema.as_object().ok_or_else(|| format!("{schema} is no schema"))?;
    for (keyword, rule) in keywords {
        check_one(document, schema, (keyword.as_str(), rule), value).map_err(|why| {
            // What is wrong further in has its path already.
            if why.starts_with('/') { why } else { format!("/: {why} ({keyword}: {rule})") }
        })?;
    }
    Ok(())
}

fn check_one(document: &Value, schema: &Value, of: (&str, &Value), value: &Value) -> Result<(), String> {
    let (keyword, rule) = of;
    let number = |is_right: fn(f64, f64) -> bool| {
        let right = value.as_f64().is_none_or(|value| is_right(value, rule.as_f64().unwrap()));
        holds(right, || format!("{value} is out of bounds"))
    };
    match keyword {
        // The type of an object looks at these two.
        "properties" | "additionalProperties" | "description" => Ok(()),
        "$ref" => check(document, referred(document, rule), value),
        "type" => {
            let types = rule.as_array().map_or_else(|| vec![rule], |types| types.iter().collect());
            let right = types.iter().any(|one| is_of_type(value, one.as_str().unwrap()));
            holds(right, || format!("{value} is of another type"))?;
            fields(document, schema, value)
        }
        "required" => {
            let mut names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            let missing = names.find(|name| value.is_object() && value.get(name).is_none());
            missing.map_or(Ok(()), |name| Err(format!("{name} is missing in {value}")))
        }
        "items" => {
            let mut items = value.as_array().into_iter().flatten().enumerate();
            items.try_for_each(|(index, item)| within(&index.to_string(), check(document, rule, item)))
        }
        "enum" => holds(rule.as_array().unwrap().contains(value), || format!("{value} is none of them")),
        "oneOf" => {
            let fit = rule.as_array().unwrap().iter().filter(|one| check(document, one, value).is_ok());
            let fit = fit.count();
            holds(fit == 1, || format!("{value} fits {fit} of them"))
        }
        "minimum" => number(|value, least| value >= least),
        "maximum" => number(|value, most| value <= most),
        "minItems" => length(value, |len| len >= rule.as_u64().unwrap()),
        "maxItems" => length(value, |len| len <= rule.as_u64().unwrap()),
        "maxLength" => {
            let right =
                value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap());
            holds(right, || format!("{value} is too long"))
        }
        "format" => {
            let text = value.as_str();
            let right = match rule.as_str() {
                Some("int64") => text.is_none_or(|text| text.parse::<i64>().is_ok()),
                Some("uint64") => text.is_none_or(|text| text.parse::<u64>().is_ok()),
                Some("int32") => value.as_i64().is_none_or(|value| i32::try_from(value).is_ok()),
                _ => false,
            };
            holds(right, || format!("{value} is no such number"))
        }
        _ => Err("the keyword is not known to this test".to_owned()),
    }
}

/// The fields of an object, each of which the schema has to name.
fn fields(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(fields) = value.as_object() else { return Ok(()) };
    for (name, field) in fields {
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(of_field), _) => within(name, check(document, of_field, field))?,
            (None, Value::Bool(true)) => {}
            (None, others @ Value::Object(_)) => within(name, check(document, others, field))?,
            (None, _) => return Err(format!("the schema has no field {name}, which is in {value}")),
        }
    }
    Ok(())
}

/// What a reference is to.
pub(super) fn referred<'a>(document: &'a Value, path: &Value) -> &'a Value {
    let path = path.as_str().unwrap().strip_prefix('#').unwrap();
    document.pointer(path).unwrap_or_else(|| panic!("there is no {path}"))
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

fn length(value: &Value, is_right: impl Fn(u64) -> bool) -> Result<(), String> {
    let right = value.as_array().is_none_or(|items| is_right(items.len() as u64));
    holds(right, || format!("{value} has too many items, or too few"))
}

fn holds(right: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(why()) }
}

/// Puts a name before the path of what is wrong.
fn within(name: &str, result: Result<(), String>) -> Result<(), String> {
    result.map_err(|why| format!("/{name}{why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_schema_does_not_have_is_told_with_its_path() {
        let document = json!({ "part": { "type": "object", "properties": { "n": { "type": "integer" } } } });
        let schema = json!({
            "type": "object",
            "properties": {
                "parts": { "type": "array", "items": { "$ref": "#/part" } },
                "name": { "type": ["string", "null"], "maxLength": 3 },
                "long": { "type": "string", "format": "int64" },
            },
            "required": ["parts"],
        });
        let check = |value: Value| check(&document, &schema, &value);
        assert_eq!(check(json!({ "parts": [{ "n": 1 }], "name": null, "long": "-7" })), Ok(()));
        for (value, start) in [
            (json!({}), "/: parts is missing"),
            (json!({ "parts": [{}, { "n": "1" }] }), "/parts/1/n/: \"1\" is of another type"),
            (json!({ "parts": [{ "m": 1 }] }), "/parts/0/: the schema has no field m"),
            (json!({ "parts": [], "name": "four" }), "/name/: \"four\" is too long"),
            (json!({ "parts": [], "long": "x" }), "/long/: \"x\" is no such number"),
            (json!({ "parts": [], "more": 1 }), "/: the schema has no field more"),
        ] {
            let why = check(value).unwrap_err();
            assert!(why.starts_with(start), "{why}");
        }
        assert!(super::check(&document, &json!({ "pattern": "x" }), &json!(1)).is_err());
        let either = json!({ "oneOf": [{ "type": "integer", "minimum": 3 }, { "type": "boolean" }] });
        assert!(super::check(&document, &either, &json!(3)).is_ok());
        assert!(super::check(&document, &either, &json!(2)).is_err());
    }
}
