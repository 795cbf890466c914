//! Why a call is refused.

use std::borrow::Cow;

use tidings::hub::Disconnect;

/// Why a call is refused, and whether that ends its connection.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) text: Cow<'static, str>,
    pub(super) ends: Option<Disconnect>,
}

impl Fault {
    /// Creates one behind whose answer the connection is closed.
    pub(super) fn ending(text: impl Into<Cow<'static, str>>, reason: Disconnect) -> Self {
        Self { text: text.into(), ends: Some(reason) }
    }
}

impl From<Cow<'static, str>> for Fault {
    fn from(text: Cow<'static, str>) -> Self {
        Self { text, ends: None }
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self { text: text.into(), ends: None }
    }
}

impl From<&'static str> for Fault {
    fn from(text: &'static str) -> Self {
        Self { text: text.into(), ends: None }
    }
}
