//! The values that say where a box begins and ends.
//!
//! ```text
//! extent := floor:u64, top:u64, last ms:u64     versions 1 and 2 without the time
//! ```

use super::{Fields, VERSION, VERSION_1, VERSION_2, corrupt, unknown_version};
use crate::{Result, Seq};

/// Where a box begins and ends.
///
/// It also says what is left to remove of a box: the entries above `floor` up to `top`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::embedded) struct Extent {
    /// The entries up to this one were removed.
    pub(in crate::embedded) floor: Seq,
    /// The last sequence that was given out; it never falls, also when its entry is removed.
    pub(in crate::embedded) top: Seq,
    /// The time of the last entry, in milliseconds since 1970; 0 if its record has to tell.
    pub(in crate::embedded) last_ms: u64,
}

/// Returns the record of a box.
pub(in crate::embedded) fn encode_extent(extent: Extent) -> Vec<u8> {
    let mut record = Vec::with_capacity(25);
    record.push(VERSION);
    record.extend(extent.floor.get().to_be_bytes());
    record.extend(extent.top.get().to_be_bytes());
    record.extend(extent.last_ms.to_be_bytes());
    record
}

/// Reads the record of a box.
pub(in crate::embedded) fn decode_extent(record: &[u8]) -> Result<Extent> {
    let (mut fields, is_timed) = match record.split_first() {
        Some((&VERSION, body)) => (Fields(body), true),
        Some((&(VERSION_2 | VERSION_1), body)) => (Fields(body), false),
        _ => return Err(unknown_version(record)),
    };
    let (floor, top) = (fields.sequence()?, fields.sequence()?);
    let last_ms = if is_timed { u64::from_be_bytes(fields.array()?) } else { 0 };
    fields.end()?;
    if floor > top {
        return Err(corrupt("has a floor above its top"));
    }
    Ok(Extent { floor, top, last_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn extent() -> Extent {
        Extent { floor: Seq::ZERO.next(), top: Seq::new(1 << 40).unwrap(), last_ms: 7 }
    }

    #[test]
    fn extents_read_as_they_were_written() {
        assert_eq!(decode_extent(&encode_extent(extent())).unwrap(), extent());
    }

    #[test]
    fn extents_of_earlier_layouts_have_no_time() {
        let record = encode_extent(extent());
        for version in [VERSION_1, VERSION_2] {
            let mut earlier = record[..17].to_vec();
            earlier[0] = version;
            assert_eq!(decode_extent(&earlier).unwrap(), Extent { last_ms: 0, ..extent() });
        }
    }

    #[test]
    fn damaged_extents_are_errors() {
        let record = encode_extent(extent());
        for length in 0..record.len() {
            assert_eq!(decode_extent(&record[..length]).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
        }
        let longer = [&record[..], &[0]].concat();
        let upside_down = encode_extent(Extent { floor: extent().top.next(), ..extent() });
        let newer = [&[VERSION + 1], &record[1..]].concat();
        for record in [longer, upside_down, newer] {
            assert_eq!(decode_extent(&record).unwrap_err().kind(), ErrorKind::Corrupt, "{record:?}");
        }
    }
}
