use std::collections::BTreeSet;

use super::operations::OPERATIONS;
use super::*;
use crate::ErrorKind;
use crate::http::router::ROUTES;
use crate::service::Code;

/// Calls `look` with every value in a value, and with the value's name.
fn each(value: &Value, name: &str, look: &mut impl FnMut(&str, &Value)) {
    look(name, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| each(value, name, look)),
        Value::Array(values) => values.iter().for_each(|value| each(value, name, look)),
        _ => {}
    }
}

#[test]
fn every_route_is_an_operation_and_every_operation_a_route() {
    let operations: Vec<_> = OPERATIONS.iter().map(|one| (one.method, one.path)).collect();
    let routes: BTreeSet<_> = ROUTES.iter().copied().collect();
    assert_eq!(operations.iter().copied().collect::<BTreeSet<_>>(), routes);
    assert_eq!(operations.len(), routes.len());
    let ids: BTreeSet<_> = OPERATIONS.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), OPERATIONS.len());
}

#[test]
fn every_method_of_the_service_is_an_operation() {
    let schemas = Schemas::of_proto();
    let calls: BTreeSet<_> = OPERATIONS.iter().map(|one| one.call).collect();
    assert!(calls.iter().all(|call| schemas.method(call).is_some()));
    assert!(calls.into_iter().eq(schemas.method_names()));
}

#[test]
fn every_reference_is_to_something_and_every_schema_says_its_type() {
    let document = openapi();
    let mut references = 0;
    each(&document, "", &mut |name, value| match value {
        Value::String(path) if name == "$ref" => {
            references += 1;
            let target = document.pointer(path.strip_prefix('#').unwrap());
            assert!(target.is_some_and(Value::is_object), "{path}");
        }
        Value::Object(one) if matches!(name, "schema" | "items") => {
            assert!(one.contains_key("type") || one.contains_key("$ref"), "{value}");
        }
        Value::Object(properties) if name == "properties" => {
            for (field, value) in properties {
                let has = |key| value.get(key).is_some();
                assert!(has("type") || has("$ref"), "{field}: {value}");
            }
        }
        Value::Null => panic!("{name} is null"),
        _ => {}
    });
    assert!(references > 100, "{references}");
}

#[test]
fn replies_have_what_is_always_written_and_requests_what_must_be_given() {
    let document = openapi();
    let required = |schema: &str| document["components"]["schemas"][schema]["required"].clone();
    assert_eq!(required("SendMessageRequest"), json!(["message", "to"]));
    assert_eq!(required("SendMessageReply"), json!(["place", "sequence"]));
    assert_eq!(
        required("TimelineEntry"),
        json!(["kind", "message", "place", "sequence", "status", "target"])
    );
    // The path names the group.
    let rename = &document["components"]["schemas"]["RenameGroupRequest"]["properties"];
    assert!(rename["group"].is_null() && rename["title"]["maxLength"] == 512, "{rename}");
}

#[test]
fn every_operation_and_every_message_of_a_stream_says_what_it_is() {
    let document = openapi();
    for operation in
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap())
    {
        let about = operation.1["description"].as_str().unwrap_or_default();
        assert!(about.ends_with('.') && about.len() > 12, "{operation:?}");
    }
    let entry = &document["components"]["schemas"]["TimelineEntry"];
    assert_eq!(entry["description"], "One message at its place in an inbox or a history.");
    assert_eq!(entry["properties"]["from"]["description"], "Who sent it, as the server knows it.");
    let events = &document["paths"]["/timeline/watch"]["get"]["responses"]["200"]["x-events"];
    assert_eq!(events["entries"]["$ref"], "#/components/schemas/SyncMessageReply");
}

#[test]
fn every_failure_of_the_store_has_a_response() {
    use ErrorKind::{
        Closed, Config, Conflict, Corrupt, Forbidden, InvalidInput, NotFound, Unavailable, UnknownOutcome,
    };
    let had = statuses::responses(|_| true);
    let kinds =
        [InvalidInput, Conflict, Forbidden, NotFound, Unavailable, UnknownOutcome, Closed, Config, Corrupt];
    for status in kinds.map(|kind| Code::from(kind).http) {
        assert!(had.contains_key(&status.to_string()), "{status}");
    }
}
