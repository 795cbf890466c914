//! Presence through its public interface: the laws and random histories in memory, the throttle,
//! what is kept, what is written as JSON, and the example.

mod bytes;
mod contract;
mod example_batches;
mod history;
mod json;
mod throttled;
