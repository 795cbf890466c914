use std::collections::BTreeSet;

use super::*;

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let items = document["paths"].as_object().unwrap().iter();
    items
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
        .collect()
}

#[test]
fn every_row_of_the_policy_is_in_the_document_and_nothing_else() {
    let document = document(&LoginWays::default());
    let described: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| (method.to_ascii_uppercase(), path.to_owned()))
        .collect();
    let rows = policy::ROUTES.iter().filter(|row| row.method != "*");
    let rows: BTreeSet<_> = rows.map(|row| (row.method.to_owned(), path(row))).collect();
    assert_eq!(described, rows);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_is() {
    let document = document(&LoginWays::default());
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap_or_default();
        assert!(!name.is_empty() && names.insert(name), "{method} {path}: {name}");
        let about = operation["description"].as_str().unwrap_or_default();
        assert!(about.ends_with('.'), "{method} {path}: {about}");
        assert!(operation["responses"]["403"].is_object(), "{method} {path}");
    }
}

#[test]
fn every_reference_is_to_something() {
    fn look(document: &Value, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(path) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(path.strip_prefix('#').unwrap()).is_some(), "{path}");
                }
                fields.values().for_each(|value| look(document, value));
            }
            Value::Array(values) => values.iter().for_each(|value| look(document, value)),
            _ => {}
        }
    }
    let document = document(&LoginWays::default());
    look(&document, &document);
}

#[test]
fn the_document_says_how_to_log_in_where_one_does() {
    let none = document(&LoginWays::default());
    assert!(none["components"].get("securitySchemes").is_none());
    assert!(operations(&none).iter().all(|(.., operation)| operation.get("security").is_none()));

    let logins = LoginWays { tokens: true, cookie: Some("session".to_owned()), in_query: false };
    let with = document(&logins);
    let schemes = with["components"]["securitySchemes"].as_object().unwrap();
    assert!(schemes.keys().eq(["bearer", "cookie", "ticket"]));
    assert_eq!(schemes["cookie"]["name"], "session");
    let security = |path: &str, method: &str| with["paths"][path][method]["security"].clone();
    assert_eq!(security("/timeline/send", "post"), json!([{ "bearer": [] }, { "cookie": [] }]));
    let watch = json!([{ "bearer": [] }, { "cookie": [] }, { "ticket": [] }]);
    assert_eq!(security("/timeline/watch", "get"), watch);
    assert_eq!(security("/ws", "get").as_array().unwrap().last(), Some(&json!({})));
    assert_eq!(security("/healthz", "get"), Value::Null);
    assert_eq!(security("/openapi.json", "get"), Value::Null);
}
