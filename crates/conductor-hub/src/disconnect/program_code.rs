//! The close codes that belong to the program around the hub.

use std::ops::RangeInclusive;
use std::sync::OnceLock;

use crate::{Error, ErrorKind};

/// The codes of programs.
const CODES: RangeInclusive<u16> = 4900..=4999;

/// Bytes of a close frame's payload besides its code. Source: RFC 6455, section 5.5.
const TEXT_BYTES_MAX: usize = 123;

/// The text of each code that is in use.
///
/// They lie here and not in the reason, of which every connection has places: it stays two bytes.
static TEXTS: [OnceLock<&'static str>; 100] = [const { OnceLock::new() }; 100];

/// A close code of a program's own, from 4900 to 4999.
///
/// [`Disconnect::program`](crate::Disconnect::program) makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProgramCode {
    /// Which of the codes it is, counted from the first.
    index: u8,
}

impl ProgramCode {
    pub(super) fn new(code: u16, text: &'static str) -> Result<Self, Error> {
        let (first, last) = CODES.into_inner();
        let index = code.checked_sub(first).filter(|_| code <= last).and_then(|at| u8::try_from(at).ok());
        let Some(index) = index else {
            return Err(wrong(format!(
                "the close code is {code}; one of a program is from {first} to {last}"
            )));
        };
        if text.len() > TEXT_BYTES_MAX {
            let bytes = text.len();
            return Err(wrong(format!(
                "the text of close code {code} has {bytes} bytes; at most {TEXT_BYTES_MAX} are allowed"
            )));
        }
        let known = *TEXTS[usize::from(index)].get_or_init(|| text);
        if known != text {
            return Err(wrong(format!("close code {code} has the text {known:?} already")));
        }
        Ok(Self { index })
    }

    /// Returns the code in the close frame.
    #[must_use]
    pub const fn code(self) -> u16 {
        *CODES.start() + self.index as u16
    }

    /// Returns the text in the close frame.
    #[must_use]
    pub fn text(self) -> &'static str {
        // It was set before this was made.
        TEXTS[usize::from(self.index)].get().copied().unwrap_or_default()
    }
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::InvalidInput, text)
}
