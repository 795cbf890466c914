//! The binary as its operator meets it: starts, refusals, signals, and every port.

#[cfg(target_os = "linux")]
mod bodies;
mod calls;
mod checks;
mod client;
mod cors;
mod crowds;
mod descriptors;
mod doors;
mod etcd;
mod events;
mod exchange;
#[cfg(target_os = "linux")]
mod fairness;
mod generations;
mod go_data;
mod grpc;
mod health;
mod hub_client;
mod inboxes;
mod limits;
mod listener;
mod login_calls;
mod login_commands;
mod original;
mod output;
mod person;
mod pushes;
mod receiver;
mod redis;
mod redis_user;
mod refusals;
mod retention;
mod revocation;
mod rooms;
mod salvage;
mod shows;
mod shutdown;
mod signals;
mod sisters;
mod strangers;
#[cfg(target_os = "linux")]
mod supervision;
mod tls;
mod two_nodes;
#[cfg(target_os = "linux")]
mod unread;
#[cfg(target_os = "linux")]
mod watches;
mod webhook;
