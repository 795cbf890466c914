//! What the routes are, as an `OpenAPI` document.
//!
//! | part | comes from |
//! |---|---|
//! | paths and methods | the table of the router, `ROUTES` |
//! | fields, and what they are | the descriptor of the proto file, as proto3 maps it to JSON |
//! | descriptions | the comments of the proto file |
//! | bounds of texts and lists | the constants that the calls check them by |
//! | statuses | `statuses.rs`, whose texts go with the table of errors in `service/code.rs` |
//! | names, what must be given, examples | the table in `operations.rs` |

mod comments;
mod operations;
mod paths;
mod schemas;
mod statuses;

use serde_json::{Value, json};

use self::schemas::Schemas;

/// Returns the routes below `/timeline` as a document of `OpenAPI` 3.1.
///
/// It has every route of [`ROUTES`](super::ROUTES) with its parameters, bodies and errors. A
/// program that mounts the [`router`](super::router) serves it, or puts its `paths` and
/// `components` into a document of its own. It is made anew with each call.
///
/// Each operation has an `operationId`, which stays the same in later versions. Events of a stream
/// are named in `x-events`, with the schema of their data.
///
/// # Examples
///
/// ```
/// let document = timeline::http::openapi();
/// assert_eq!(document["paths"]["/timeline/send"]["post"]["operationId"], "send");
/// ```
#[must_use]
pub fn openapi() -> Value {
    let mut schemas = Schemas::of_proto();
    let paths = paths::all(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Timelines",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
        },
        "paths": paths,
        "components": { "schemas": schemas.into_components(), "responses": statuses::components() },
    })
}

const ABOUT: &str = "Inboxes and histories with gapless sequences. 64-bit numbers are texts in answers; \
                     requests may have numbers or texts. Fields and parameters may be written in \
                     snake_case or in lowerCamel, and those that the server does not know are passed \
                     over. A path that is not here is answered with the response NotFound, and another \
                     method of one that is with MethodNotAllowed.";

#[cfg(test)]
mod tests;
