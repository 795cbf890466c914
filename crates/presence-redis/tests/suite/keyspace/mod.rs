//! The keyspace layout: the laws, the ancestor's wire and faults, and how it fails.

mod ancestor;
mod contract;
mod failures;
mod faults;
mod listener;
mod places;
mod refusals;
mod wire;
