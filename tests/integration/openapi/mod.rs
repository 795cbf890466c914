//! `/openapi.json` is true: the document against the server that gave it, and a client made of it.

mod answer;
mod asking;
mod bad;
mod client;
mod document;
mod good;
mod input;
mod schema;
