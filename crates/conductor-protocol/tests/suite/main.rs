//! The protocol through its public interface.

#[cfg(feature = "serde")]
mod json;
mod messages;
mod vectors;
