//! One name, or many: what a subscription is changed by.

use bytes::Bytes;

/// One name, or many of them.
///
/// A text or bytes are one name; an array, a slice or a vector of these is many. A type of your own
/// that is a name implements it as one: `Names` is `[Bytes; 1]`, and then arrays and vectors of it
/// are many.
///
/// # Examples
///
/// ```no_run
/// # fn change(channels: &mpx::ChannelSubscription) -> Result<(), mpx::Error> {
/// channels.add("news")?;
/// channels.add(["sports", "weather"])?;
/// let rooms: Vec<String> = (1..=3).map(|number| format!("room:{number}")).collect();
/// channels.add(&rooms)?;
/// assert_eq!(channels.remove(rooms), 3);
/// assert!(channels.contains("news"));
/// # Ok(()) }
/// ```
pub trait IntoNames {
    /// The names: `[Bytes; 1]` of one, `Vec<Bytes>` of many.
    type Names: AsRef<[Bytes]> + IntoIterator<Item = Bytes>;

    /// Returns the names. What is borrowed is copied.
    fn into_names(self) -> Self::Names;
}

macro_rules! one_name {
    ($($(@ $parameter:ident)? $name:ty: $convert:expr;)*) => {$(
        impl $(<const $parameter: usize>)? IntoNames for $name {
            type Names = [Bytes; 1];

            fn into_names(self) -> [Bytes; 1] {
                let convert: fn(Self) -> Bytes = $convert;
                [convert(self)]
            }
        }
    )*};
}

one_name! {
    &str: |name| Bytes::copy_from_slice(name.as_bytes());
    &String: |name| Bytes::copy_from_slice(name.as_bytes());
    String: Bytes::from;
    &[u8]: Bytes::copy_from_slice;
    &Vec<u8>: |name| Bytes::copy_from_slice(name);
    Vec<u8>: Bytes::from;
    &Bytes: Bytes::clone;
    Bytes: |name| name;
    @N &[u8; N]: |name| Bytes::copy_from_slice(name);
    @N [u8; N]: |name| Bytes::copy_from_slice(&name);
}

macro_rules! many_names {
    ($($(@ $parameter:ident)? $names:ty;)*) => {$(
        impl<T: IntoNames<Names = [Bytes; 1]>, $(const $parameter: usize)?> IntoNames for $names {
            type Names = Vec<Bytes>;

            fn into_names(self) -> Vec<Bytes> {
                self.into_iter().flat_map(T::into_names).collect()
            }
        }
    )*};
}

many_names! {
    Vec<T>;
    @N [T; N];
}

macro_rules! many_borrowed_names {
    ($($(@ $parameter:ident)? $names:ty;)*) => {$(
        impl<'a, T, $(const $parameter: usize)?> IntoNames for &'a $names
        where
            &'a T: IntoNames<Names = [Bytes; 1]>,
        {
            type Names = Vec<Bytes>;

            fn into_names(self) -> Vec<Bytes> {
                self.iter().flat_map(IntoNames::into_names).collect()
            }
        }
    )*};
}

many_borrowed_names! {
    [T];
    Vec<T>;
    @N [T; N];
}

/// What iterators over borrowed names give.
impl<'a, T: ?Sized> IntoNames for &&'a T
where
    &'a T: IntoNames,
{
    type Names = <&'a T as IntoNames>::Names;

    fn into_names(self) -> Self::Names {
        (*self).into_names()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::needless_borrows_for_generic_args, reason = "borrowed ones are tried, too")]

    use super::*;

    fn names(names: impl IntoNames) -> Vec<String> {
        names.into_names().into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
    }

    #[test]
    fn texts_and_bytes_are_one_name() {
        let (text, bytes) = ("ab".to_owned(), Bytes::from_static(b"ab"));
        for one in [
            names("ab"),
            names(&"ab"),
            names(&text),
            names(text),
            names(b"ab"),
            names(*b"ab"),
            names(&b"ab"[..]),
            names(b"ab".to_vec()),
            names(&b"ab".to_vec()),
            names(&bytes),
            names(bytes),
        ] {
            assert_eq!(one, ["ab"]);
        }
    }

    #[test]
    fn lists_of_names_are_many() {
        let texts = ["a".to_owned(), "b".to_owned()];
        for many in [
            names(["a", "b"]),
            names(&["a", "b"]),
            names(&["a", "b"][..]),
            names(vec!["a", "b"]),
            names(&vec![b"a", b"b"]),
            names(&texts),
            names(&texts[..]),
            names(texts.to_vec()),
            names(&texts.to_vec()),
            names(texts.map(Bytes::from)),
        ] {
            assert_eq!(many, ["a", "b"]);
        }
        assert!(names(Vec::<String>::new()).is_empty());
    }
}
