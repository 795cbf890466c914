//! A bounded log of this process, and the streams that read it.

mod log;
mod log_feed;
mod log_reader;

pub(crate) use self::log::{Gone, Log};
pub(crate) use self::log_feed::{LogFeed, Ready};
pub(crate) use self::log_reader::LogReader;
