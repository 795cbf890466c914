//! Who is online: what is particular to ids, beside what they share with rooms.

mod record;
mod space;
mod tail;

pub(super) use self::record::{Record, StreamEntry};
pub(super) use self::space::IdSpace;
pub(super) use self::tail::{Fit, News, Tail};
