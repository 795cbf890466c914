//! What the integration tests share.

mod tidings;

pub use tidings::Tidings;
