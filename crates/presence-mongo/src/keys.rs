//! Keys, as they are given to us.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};

/// How long a key may be, in bytes.
const BYTES_MAX: usize = 1_024;

/// One key, or many: a text, an array, a slice or a vector of texts.
pub trait IntoKeys {
    /// Returns the keys.
    fn into_keys(self) -> Vec<String>;
}

impl IntoKeys for &str {
    fn into_keys(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl IntoKeys for String {
    fn into_keys(self) -> Vec<String> {
        vec![self]
    }
}

impl IntoKeys for &String {
    fn into_keys(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<K: Into<String>, const N: usize> IntoKeys for [K; N] {
    fn into_keys(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<K: Into<String>> IntoKeys for Vec<K> {
    fn into_keys(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<K: AsRef<str>> IntoKeys for &[K] {
    fn into_keys(self) -> Vec<String> {
        self.iter().map(|key| key.as_ref().to_owned()).collect()
    }
}

/// Checks keys, all of them or none.
pub(crate) fn all_checked(keys: impl IntoKeys) -> Result<Vec<Arc<str>>, Error> {
    keys.into_keys().into_iter().map(checked).collect()
}

/// Checks a key.
pub(crate) fn checked(key: String) -> Result<Arc<str>, Error> {
    if key.is_empty() || key.len() > BYTES_MAX {
        let message = format!("a key has 1 to {BYTES_MAX} bytes, and this one has {}", key.len());
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(key.into())
}
