//! A store as lines of JSON, for backups and for other stores.
//!
//! An export is the state of one moment. Every line is an object with a `type`:
//!
//! | type | what it is | how many |
//! |---|---|---|
//! | `store` | the format, and of which store and batch the lines are | the first line |
//! | `box` | where an inbox or a history begins and ends | one for each |
//! | `group` | a group that the store knows | one for each |
//! | `received` | how far the program of a member has received its inbox | one for each that said so |
//! | `conversation` | how far a member has read and cleared a conversation | one for each member and conversation |
//! | `entry` | an entry, after all boxes and groups; those of group histories come first | one for each |
//! | `copies` | in which inboxes, and where, the copies of a message to a group are | one for each such message |
//! | `answer` | what was answered to a send with a message id | one for each |
//! | `end` | how many lines there were before it, and their checksum | the last line: without it the export is not whole |
//!
//! Whatever a reader of the store cannot see any more is left out: freed entries, and what
//! retention, recalls and deletions have removed.

mod export;
mod export_time;
mod import;
mod line;
mod line_sum;
mod record_writer;

pub use self::export::Export;
pub use self::import::{ImportProgress, Imported, import, is_cut_import};
