//! What a user may do in which channels, ready to be asked.

use std::fmt;

use crate::Right;

/// What one user may do in which channels.
///
/// The default permits nothing. A question reads the patterns of its right one by one and allocates
/// nothing, so whoever makes patterns of what others say bounds their number.
///
/// # Examples
///
/// ```
/// use channel_rights::{Right, Rights};
///
/// let rights = Rights::default().channel(Right::Bind, "news").prefix(Right::Bind, "room:");
/// assert!(rights.permits(Right::Bind, "news") && rights.permits(Right::Bind, "room:tea"));
/// assert!(!rights.permits(Right::Bind, "newspaper") && !rights.permits(Right::Write, "news"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rights {
    bind: Patterns,
    write: Patterns,
    publish: Patterns,
    history: Patterns,
}

impl Rights {
    /// Permits something in the channel of that name.
    #[must_use]
    pub fn channel(mut self, right: Right, name: &str) -> Self {
        self.patterns_mut(right).push(name, false);
        self
    }

    /// Permits something in all channels whose names begin so.
    ///
    /// Every name begins with the empty text.
    #[must_use]
    pub fn prefix(mut self, right: Right, beginning: &str) -> Self {
        self.patterns_mut(right).push(beginning, true);
        self
    }

    /// Tells whether the user may do this in a channel.
    #[must_use]
    pub fn permits(&self, right: Right, channel: &str) -> bool {
        self.patterns(right).match_any(channel.as_bytes())
    }

    /// Tells whether the user may do nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Right::ALL.iter().all(|right| self.patterns(*right).spans.is_empty())
    }

    /// Returns how much memory they take, in bytes, apart from themselves.
    #[must_use]
    pub fn bytes(&self) -> usize {
        Right::ALL.iter().map(|right| self.patterns(*right).bytes()).sum()
    }

    /// Gives back the memory that is there for more patterns.
    ///
    /// For those that are kept long, such as those of a connection.
    pub fn shrink_to_fit(&mut self) {
        for right in Right::ALL {
            self.patterns_mut(*right).shrink_to_fit();
        }
    }

    const fn patterns(&self, right: Right) -> &Patterns {
        match right {
            Right::Bind => &self.bind,
            Right::Write => &self.write,
            Right::Publish => &self.publish,
            Right::History => &self.history,
        }
    }

    const fn patterns_mut(&mut self, right: Right) -> &mut Patterns {
        match right {
            Right::Bind => &mut self.bind,
            Right::Write => &mut self.write,
            Right::Publish => &mut self.publish,
            Right::History => &mut self.history,
        }
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Rights");
        debug.field("bind", &self.bind).field("write", &self.write);
        debug.field("publish", &self.publish).field("history", &self.history).finish()
    }
}

/// Names and beginnings of names. The texts lie in one piece, so that a question of a connection
/// that rested loads few lines of memory.
#[derive(Clone, Default, PartialEq, Eq)]
struct Patterns {
    text: String,
    spans: Vec<Span>,
}

/// Where the text of a pattern lies.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
    is_prefix: bool,
    /// The last byte of the text. Names of one program begin alike, so it tells most of them apart
    /// before anything is compared.
    last: u8,
}

impl Patterns {
    fn push(&mut self, text: &str, is_prefix: bool) {
        let start = self.text.len();
        self.text.push_str(text);
        let last = text.as_bytes().last().copied().unwrap_or_default();
        self.spans.push(Span { start, end: self.text.len(), is_prefix, last });
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.spans.capacity() * size_of::<Span>()
    }

    fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.spans.shrink_to_fit();
    }

    fn match_any(&self, channel: &[u8]) -> bool {
        self.spans.iter().any(|span| {
            let text = &self.text.as_bytes()[span.start..span.end];
            let fits = if span.is_prefix { channel.len() >= text.len() } else { channel.len() == text.len() };
            // What begins with nothing is everything.
            fits && (text.is_empty() || channel[text.len() - 1] == span.last && channel.starts_with(text))
        })
    }
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |span: &Span| {
            format!("{}{}", &self.text[span.start..span.end], if span.is_prefix { "*" } else { "" })
        };
        f.debug_list().entries(self.spans.iter().map(shown)).finish()
    }
}
