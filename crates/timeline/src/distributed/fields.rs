//! How fields are read of documents that another program may have written.

use mongodb::bson::{RawBsonRef, RawDocument};

/// Returns a whole number that is not negative, of whatever type it is.
pub(super) fn number(document: &RawDocument, name: &str) -> Option<u64> {
    let number = match document.get(name).ok().flatten()? {
        RawBsonRef::Int64(number) => Some(number),
        RawBsonRef::Int32(number) => Some(number.into()),
        // Only a whole number displays as one.
        RawBsonRef::Double(number) => number.to_string().parse().ok(),
        _ => None,
    };
    number.and_then(|number| u64::try_from(number).ok())
}

pub(super) fn text<'a>(document: &'a RawDocument, name: &str) -> Option<&'a str> {
    document.get(name).ok().flatten().and_then(RawBsonRef::as_str)
}
