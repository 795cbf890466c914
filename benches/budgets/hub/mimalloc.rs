//! The servers of the hub's budgets once more, with the allocator that the binary `tidings` has.
#![allow(dead_code, reason = "the clients are in the other binary")]

mod client;
mod direct;
mod http;
mod secure;
mod server;
mod sister;
mod tls;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::named_on_the_command_line().map_or(ExitCode::FAILURE, |server| server.run())
}
