//! The binary as its operator meets it: starts, refusals, signals, and every port.

mod calls;
mod client;
mod cors;
mod crowds;
mod descriptors;
mod events;
mod grpc;
mod health;
mod limits;
mod listener;
mod original;
mod output;
mod person;
mod receiver;
mod redis;
mod refusals;
mod rooms;
mod shows;
mod shutdown;
mod signals;
mod strangers;
mod webhook;
