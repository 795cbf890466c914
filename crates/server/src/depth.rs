//! How deep JSON of strangers may nest that becomes a part of our answers.

use serde_json::Value;

/// How deep objects and lists may lie in each other. An answer has some more around them, and many
/// readers take no more than 128 in all: they could not read who else is in a room.
pub(crate) const LEVELS_MAX: usize = 100;

/// Whether a value nests no deeper than that.
pub(crate) fn fits(value: &Value) -> bool {
    is_within(value, LEVELS_MAX)
}

/// It calls itself for each level, of which the parser lets no more than 128 pass.
fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(list) => levels > 0 && list.iter().all(|inner| is_within(inner, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|inner| is_within(inner, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_are_counted_in_lists_and_objects_alike() {
        let lists = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner, "beside"]));
        let objects = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner, "b": null }));
        assert!(fits(&json!(1)) && fits(&lists(LEVELS_MAX)) && fits(&objects(LEVELS_MAX)));
        assert!(!fits(&lists(LEVELS_MAX + 1)) && !fits(&objects(LEVELS_MAX + 1)));
        assert!(!fits(&json!([1, lists(LEVELS_MAX)])));
    }
}
