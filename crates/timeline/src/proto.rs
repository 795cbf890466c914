//! The messages and services of `timeline.proto`, as Rust.
//!
//! The messages need the feature `proto`, the services `grpc`. In JSON they are proto3's.

#[cfg(any(feature = "http", feature = "grpc"))]
mod conversation;
mod entry;
mod group;
mod inbox;

/// The package `timeline.v1`, made by `cargo xtask codegen`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unnameable_types,
    unreachable_pub,
    unused_qualifications,
    rustdoc::all,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::default_trait_access,
    clippy::doc_markdown,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    clippy::str_to_string,
    clippy::too_many_lines,
    clippy::uninlined_format_args,
    clippy::use_self,
    reason = "made by a generator"
)]
pub mod v1 {
    include!("generated/timeline.v1.rs");
    include!("generated/timeline.v1.serde.rs");
}

/// The encoded `FileDescriptorSet` of the proto file, as gRPC reflection serves it.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/timeline.v1.bin");
