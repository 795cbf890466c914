//! How a connection ended, as its task sees it.

use conductor_protocol::Reconnect;

use crate::error::{Error, ErrorKind};
use crate::event::Disconnected;

#[derive(Debug)]
pub(crate) enum Ending {
    /// The hub closed it.
    Closed {
        /// `None` if its close frame has no code.
        code: Option<u16>,
        text: String,
    },
    /// It was lost, or given up.
    Lost(Error),
}

impl Ending {
    pub(crate) fn reconnect(&self) -> Reconnect {
        match self {
            Self::Closed { code: Some(code), .. } => Reconnect::of_code(*code),
            Self::Closed { code: None, .. } | Self::Lost(_) => Reconnect::Backoff,
        }
    }

    /// What a subscription is told.
    pub(crate) fn told(&self, unsent: usize) -> Disconnected {
        let (code, text) = match self {
            Self::Closed { code, text } => (*code, text.clone()),
            Self::Lost(error) => (None, format!("{error:#}")),
        };
        Disconnected { code, text, reconnect: self.reconnect(), unsent }
    }

    /// Why there is no connection: an error of kind `Refused` if none comes.
    pub(crate) fn error(&self, hub: &str) -> Error {
        match self {
            Self::Lost(error) => error.clone(),
            Self::Closed { code, text } => {
                let is_final = self.reconnect() == Reconnect::Never;
                let kind = if is_final { ErrorKind::Refused } else { ErrorKind::Unavailable };
                let code = code.map_or_else(|| "no code".to_owned(), |code| format!("code {code}"));
                Error::new(kind, format!("the hub at {hub} closed the connection with {code} {text:?}"))
            }
        }
    }
}
