//! The comments of the proto file, by what they are about.
//!
//! The descriptor that the program has goes without them. What is read here describes and decides
//! nothing: a comment that is not found is a description that is missing, which a test notices.

use std::collections::BTreeMap;

const PROTO: &str = include_str!("../../../proto/timeline/v1/timeline.proto");

/// The comments of messages, enums, fields and methods, such as `AckReply.floor` or `Timeline.Ack`.
#[derive(Debug)]
pub(super) struct Comments(BTreeMap<String, String>);

impl Comments {
    pub(super) fn of_proto() -> Self {
        let (mut found, mut scopes, mut comment) = (BTreeMap::new(), Vec::<String>::new(), String::new());
        for line in PROTO.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("//") {
                comment.push_str(text);
                continue;
            }
            let told = sentence(&std::mem::take(&mut comment));
            let Some(name) = name(line) else {
                if line.starts_with('}') {
                    scopes.pop();
                }
                continue;
            };
            scopes.push(name.to_owned());
            if !told.is_empty() {
                found.insert(scopes.join("."), told);
            }
            if !line.ends_with('{') {
                scopes.pop();
            }
        }
        Self(found)
    }

    pub(super) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What a line declares, if it declares something.
fn name(line: &str) -> Option<&str> {
    let mut words = line.split([' ', '(', '{']).filter(|word| !word.is_empty());
    match words.next()? {
        "message" | "enum" | "service" | "rpc" => words.next(),
        "syntax" | "option" => None,
        _ if line.ends_with(';') => line.split_once(" =")?.0.rsplit(' ').next(),
        _ => None,
    }
}

/// A comment without the mark of what the Go service does not have.
fn sentence(comment: &str) -> String {
    let comment = comment.trim();
    let Some(added) = comment.strip_prefix("Added: ") else { return comment.to_owned() };
    let mut letters = added.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
