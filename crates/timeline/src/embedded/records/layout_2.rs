//! Records as layout 2 wrote them, for tests.

use super::entry::{EntryRecord, encode};
use super::{Extent, VERSION_2, encode_extent};
use crate::EntryStatus;

/// Returns the record of an entry, with what layout 2 knew of it.
pub(in crate::embedded) fn encode_entry_2(entry: &EntryRecord<'_>) -> Vec<u8> {
    let status = EntryStatus::Original;
    let mut record = encode(&EntryRecord { status, changed: None, target: None, copies: None, ..*entry });
    // It had no place, which comes behind the version, the kind, the flags, the time and the tag.
    record.drain(20..28);
    earlier(record)
}

/// Returns the record of a box.
pub(in crate::embedded) fn encode_extent_2(extent: Extent) -> Vec<u8> {
    let mut record = encode_extent(extent);
    record.truncate(17);
    earlier(record)
}

/// Gives a record that looks the same in both layouts the version 2.
pub(in crate::embedded) fn earlier(mut record: Vec<u8>) -> Vec<u8> {
    if let Some(version) = record.first_mut() {
        *version = VERSION_2;
    }
    record
}
