//! The fields of documents, as they are read.
//!
//! Documents of the Go service, and those that people changed in a shell, may have each number as
//! an int32, an int64 or a double.

use mongodb::bson::raw::RawElement;
use mongodb::bson::{RawBsonRef, RawDocument};

use super::super::entry_id::EntryId;
use crate::{Error, ErrorKind, GroupName, MemberId, MessageId, Result, Seq};

/// A field of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: RawBsonRef<'a>,
}

/// Why a document cannot be read, as its error ends.
#[derive(Debug)]
pub(super) struct Unreadable(String);

/// Returns the fields of a document; one that is null is as one that is not there.
pub(super) fn fields(document: &RawDocument) -> impl Iterator<Item = Result<Field<'_>, Unreadable>> {
    let fields = document.iter_elements().map(|element| Field::of(&element?));
    fields.filter(|field| !matches!(field, Ok(Field { value: RawBsonRef::Null, .. })))
}

impl<'a> Field<'a> {
    fn of(element: &RawElement<'a>) -> Result<Self, Unreadable> {
        Ok(Self { name: element.key().as_str(), value: element.value()? })
    }

    pub(super) fn text(self) -> Result<&'a str, Unreadable> {
        self.value.as_str().ok_or_else(|| self.is_not("a text"))
    }

    pub(super) fn boolean(self) -> Result<bool, Unreadable> {
        self.value.as_bool().ok_or_else(|| self.is_not("true or false"))
    }

    pub(super) fn number(self) -> Result<i64, Unreadable> {
        let number = match self.value {
            RawBsonRef::Int64(number) => Some(number),
            RawBsonRef::Int32(number) => Some(number.into()),
            // Only a whole number displays as one.
            RawBsonRef::Double(number) => number.to_string().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.is_not("a whole number"))
    }

    /// Reads a time, in milliseconds since 1970.
    pub(super) fn millis(self) -> Result<u64, Unreadable> {
        u64::try_from(self.number()?).map_err(|_| self.is_not("0 or more"))
    }

    pub(super) fn seq(self) -> Result<Seq, Unreadable> {
        Seq::try_from(self.number()?).map_err(|_| self.is_not("0 or more"))
    }

    pub(super) fn key(self) -> Result<EntryId, Unreadable> {
        EntryId::read(self.value).ok_or_else(|| self.is_not("16 bytes or an ObjectId"))
    }

    pub(super) fn digest(self) -> Result<[u8; 16], Unreadable> {
        let bytes = self.value.as_binary().and_then(|binary| binary.bytes.try_into().ok());
        bytes.ok_or_else(|| self.is_not("16 bytes"))
    }

    pub(super) fn member(self) -> Result<MemberId, Unreadable> {
        MemberId::new(self.text()?).map_err(|error| self.is_wrong(&error))
    }

    pub(super) fn group(self) -> Result<GroupName, Unreadable> {
        GroupName::new(self.text()?).map_err(|error| self.is_wrong(&error))
    }

    pub(super) fn message_id(self) -> Result<MessageId, Unreadable> {
        MessageId::new(self.text()?).map_err(|error| self.is_wrong(&error))
    }

    pub(super) fn document(self) -> Result<&'a RawDocument, Unreadable> {
        self.value.as_document().ok_or_else(|| self.is_not("a document"))
    }

    pub(super) fn members(self) -> Result<Vec<MemberId>, Unreadable> {
        self.each(Self::member)
    }

    pub(super) fn seqs(self) -> Result<Vec<Seq>, Unreadable> {
        self.each(Self::seq)
    }

    /// Reads each value of an array.
    pub(super) fn each<T>(self, read: impl Fn(Self) -> Result<T, Unreadable>) -> Result<Vec<T>, Unreadable> {
        let array = self.value.as_array().ok_or_else(|| self.is_not("an array"))?;
        array.into_iter().map(|value| read(Field { name: self.name, value: value? })).collect()
    }

    /// Says that the value is of another kind.
    pub(super) fn is_not(self, what: &str) -> Unreadable {
        Unreadable(format!("has the field `{}` which is not {what}", self.name))
    }

    fn is_wrong(self, error: &Error) -> Unreadable {
        Unreadable(format!("has the field `{}` which cannot be read: {error}", self.name))
    }
}

impl Unreadable {
    /// Says that a field is missing which each document of its kind has.
    pub(super) fn without(name: &str) -> Self {
        Self(format!("has no field `{name}`"))
    }

    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Returns the error of a document in a collection, which is named by what it is for.
    pub(super) fn in_collection(self, of: &str, document: &RawDocument) -> Error {
        let value = |name: &str| document.get(name).ok().flatten();
        let text = |name: &str| value(name).and_then(RawBsonRef::as_str);
        // Entries are known by their box and their sequence, all else by its own id.
        let name = match (text("id"), value("seq"), text("_id"), value("_id").and_then(EntryId::read)) {
            (Some(id), Some(value), ..) => match (Field { name: "seq", value }).number() {
                Ok(seq) => format!("{id:?} at {seq}"),
                Err(_) => format!("{id:?} at an unknown sequence"),
            },
            (Some(id), ..) | (None, _, Some(id), _) => format!("{id:?}"),
            (.., Some(id)) => format!("with the _id {}", hex(&id.bytes())),
            _ => "without an id".to_owned(),
        };
        let Self(what) = self;
        let text = format!(
            "the document {name} in the collection of {of} {what}; restore it from a backup, or remove it"
        );
        Error::new(ErrorKind::Corrupt, text)
    }
}

/// Says that the bytes of a document are damaged.
impl From<mongodb::bson::error::Error> for Unreadable {
    fn from(error: mongodb::bson::error::Error) -> Self {
        Self(format!("is no whole document: {error}"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

    use super::*;

    fn number(value: impl Into<Bson>) -> Result<i64, Unreadable> {
        let value: Bson = value.into();
        let document = RawDocumentBuf::try_from(&doc! { "seq": value }).unwrap();
        fields(&document).next().unwrap().unwrap().number()
    }

    #[test]
    fn whole_numbers_of_every_type_are_read() {
        for value in [Bson::Int32(7), Bson::Int64(7), Bson::Double(7.0)] {
            assert_eq!(number(value).unwrap(), 7);
        }
        assert_eq!(number(9_007_199_254_740_992.0).unwrap(), 1 << 53);
        assert_eq!(number(-0.0).unwrap(), 0);
        for value in [Bson::Double(7.5), Bson::Double(f64::NAN), Bson::Double(1e300), Bson::from("7")] {
            assert!(number(value).is_err());
        }
    }

    #[test]
    fn null_is_as_nothing() {
        let document = RawDocumentBuf::try_from(&doc! { "a": Bson::Null, "b": 1 }).unwrap();
        let names: Vec<_> = fields(&document).map(|field| field.unwrap().name).collect();
        assert_eq!(names, ["b"]);
    }

    #[test]
    fn errors_name_the_collection_the_id_and_the_sequence() {
        let told = |document: Document| {
            let document = RawDocumentBuf::try_from(&document).unwrap();
            Unreadable::without("at").in_collection("inboxes", &document).to_string()
        };
        let end = "in the collection of inboxes has no field `at`; restore it from a backup, or remove it";
        assert_eq!(
            told(doc! { "_id": "a:1", "id": "a", "seq": 7.0 }),
            format!("the document \"a\" at 7 {end}")
        );
        assert_eq!(
            told(doc! { "id": "a", "seq": "b" }),
            format!("the document \"a\" at an unknown sequence {end}")
        );
        assert_eq!(told(doc! { "_id": "tea" }), format!("the document \"tea\" {end}"));
        let id = EntryId::Ours([0xab; 16]).to_bson();
        assert_eq!(told(doc! { "_id": id }), format!("the document with the _id {} {end}", "ab".repeat(16)));
        assert_eq!(told(doc! {}), format!("the document without an id {end}"));
    }
}
