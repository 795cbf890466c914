//! Clients of the Go service go-timeline, which know nothing of what was added since.

mod changes;
mod client;
mod elsewhere;
mod http;
mod scenario;
