//! Who is online: what is particular to ids, beside what they share with rooms.

mod follow;
mod logs;
mod record;
mod space;
mod tail;

pub(super) use self::logs::IdLogs;
pub(super) use self::space::IdSpace;
pub(super) use self::tail::Tail;
