//! The client through its public interface: with a real hub, and with one that follows a script.

#[cfg(target_os = "linux")]
mod addresses;
mod calls;
mod comings;
mod ends;
mod hub;
mod mixed_streams;
mod pass_files;
mod queues;
mod streams;
mod support;
mod tls;
