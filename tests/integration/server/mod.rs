//! The binary as its operator meets it: starts, refusals, signals, and every port.

mod calls;
mod grpc;
mod health;
mod limits;
mod refusals;
mod shows;
mod shutdown;
mod strangers;
