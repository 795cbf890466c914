//! The answers to calls that fail: one response for each status.

use serde_json::{Map, Value, json};

/// A status, the name of its response, and when it is answered.
const STATUSES: [(u16, &str, &str); 10] = [
    (
        400,
        "BadRequest",
        "A field is out of its bounds, or the request cannot be read; the message says which.",
    ),
    (401, "Unauthenticated", "Nobody is known to call: log in."),
    (403, "Forbidden", "The caller may not do this; the message says who may."),
    (404, "NotFound", "There is no such path, group, message, or conversation of the member."),
    (405, "MethodNotAllowed", "The path does not take this method; the header Allow names those it takes."),
    (409, "Conflict", "It contradicts what is stored; the message says how."),
    (413, "BodyTooLarge", "The body is above the bound of the server."),
    (
        429,
        "TooMany",
        "The caller calls too often, or has too much open; Retry-After says when to call again.",
    ),
    (500, "Internal", "The store cannot be read."),
    (
        503,
        "Unavailable",
        "It cannot be done now, or it is not known whether it was (reason UNKNOWN_OUTCOME); call again later, with the \
         same message id, or with the one that the metadata name.",
    ),
];

/// Every response, by its name.
pub(super) fn components() -> Value {
    let named = STATUSES.iter().map(|(_, name, about)| {
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
        ((*name).to_owned(), json!({ "description": about, "content": content }))
    });
    named.collect::<Map<_, _>>().into()
}

/// Those of the responses that an operation has.
pub(super) fn responses(of: impl Fn(u16) -> bool) -> Map<String, Value> {
    let had = STATUSES.iter().filter(|(status, ..)| of(*status));
    had.map(|(status, name, _)| {
        (status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }))
    })
    .collect()
}

/// The body of every failure.
pub(super) fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why a call failed.",
        "properties": {
            "code": { "type": "integer", "description": "The status." },
            "reason": { "type": "string", "description": "For programs: capitals with underscores." },
            "message": { "type": "string", "description": "For people." },
            "metadata": { "type": "object", "additionalProperties": { "type": "string" } },
        },
        "required": ["code", "reason", "message", "metadata"],
    })
}
