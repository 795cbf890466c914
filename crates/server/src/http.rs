//! The HTTP port: who may ask, what is answered, and how much.

pub(crate) mod answer;
mod events;
mod export;
mod guard;
mod headers;
mod health;
mod limits;
mod login;
mod login_end;
mod openapi;
mod page;
mod person;
mod presence;
mod query;
mod room;
mod routes;
mod serve;
mod starting;
mod streams;
mod ticket;
mod timelines;

pub(crate) use self::export::Exports;
pub(crate) use self::guard::Guard;
pub(crate) use self::limits::Limits;
pub(crate) use self::login::LoginUrl;
pub(crate) use self::login_end::{LoginEnd, login_end};
pub(crate) use self::routes::Routes;
pub(crate) use self::serve::serve;
pub(crate) use self::starting::starting;
pub(crate) use self::streams::Streams;
pub(crate) use self::timelines::timelines;
