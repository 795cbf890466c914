//! The servers and the browser that tests ask for, themselves.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod chromium;
mod mongo;
mod redis;
