//! The values of rows: a conversation as one member has it.
//!
//! ```text
//! row   := flags:u8, read:u64, joined:u64, cleared:u64, since ms:u64
//! flags := 1 the member has left the group
//! ```

use super::{Fields, VERSION, corrupt, unknown_version};
use crate::{Result, Seq};

/// What is kept for one member of one conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::embedded) struct Row {
    /// How far the member has read it.
    pub(in crate::embedded) read: Seq,
    /// The place after which it concerns them.
    pub(in crate::embedded) joined: Seq,
    /// Up to where they have freed it for themselves.
    pub(in crate::embedded) cleared: Seq,
    /// Since when it concerns them, in milliseconds since 1970.
    pub(in crate::embedded) since_ms: u64,
    /// Whether they have left the group.
    pub(in crate::embedded) has_left: bool,
}

const LEFT: u8 = 1;

/// Returns the record of a row.
pub(in crate::embedded) fn encode_row(row: &Row) -> Vec<u8> {
    let mut record = Vec::with_capacity(34);
    record.extend([VERSION, if row.has_left { LEFT } else { 0 }]);
    for sequence in [row.read, row.joined, row.cleared] {
        record.extend(sequence.get().to_be_bytes());
    }
    record.extend(row.since_ms.to_be_bytes());
    record
}

/// Reads a row.
pub(in crate::embedded) fn decode_row(record: &[u8]) -> Result<Row> {
    let mut fields = match record.split_first() {
        Some((&VERSION, body)) => Fields(body),
        _ => return Err(unknown_version(record)),
    };
    let has_left = match fields.array()? {
        [0] => false,
        [LEFT] => true,
        [other] => return Err(corrupt(&format!("of a conversation has the unknown flags {other}"))),
    };
    let row = Row {
        read: fields.sequence()?,
        joined: fields.sequence()?,
        cleared: fields.sequence()?,
        since_ms: u64::from_be_bytes(fields.array()?),
        has_left,
    };
    fields.end()?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn row() -> Row {
        let seq = |number| Seq::new(number).unwrap();
        Row { read: seq(1 << 40), joined: seq(2), cleared: seq(3), since_ms: u64::MAX, has_left: true }
    }

    #[test]
    fn rows_read_as_they_were_written() {
        for row in [row(), Row { has_left: false, ..row() }, Row::default()] {
            assert_eq!(decode_row(&encode_row(&row)).unwrap(), row);
        }
    }

    #[test]
    fn damaged_rows_are_errors() {
        let record = encode_row(&row());
        for length in 0..record.len() {
            assert_eq!(decode_row(&record[..length]).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
        }
        let with = |at: usize, byte| {
            let mut damaged = record.clone();
            damaged[at] = byte;
            damaged
        };
        let longer = [&record[..], &[0]].concat();
        for record in [with(0, 2), with(0, 4), with(1, 2), with(2, 255), longer] {
            assert_eq!(decode_row(&record).unwrap_err().kind(), ErrorKind::Corrupt, "{record:?}");
        }
    }
}
