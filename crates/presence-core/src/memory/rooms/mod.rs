//! Rooms in memory: their members, and a log of each.

mod backend;
mod directory;
mod feed;
mod hall;
mod place;

pub(super) use self::directory::Directory;
