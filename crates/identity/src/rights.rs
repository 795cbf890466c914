//! What a user may do in which channels, ready to be asked.

use std::fmt;

/// What somebody may do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Right {
    /// Becoming a member, and so receiving its messages.
    Bind,
    /// Writing to its members over a connection.
    Write,
    /// Publishing to its members without being one.
    Publish,
    /// Reading what was published before.
    History,
}

impl Right {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Bind, Self::Write, Self::Publish, Self::History];
}

/// What one user may do in which channels.
///
/// [`Grants::rights_of`](crate::Grants::rights_of) makes them; the default permits nothing. A
/// question reads the patterns one by one and allocates nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rights {
    bind: Patterns,
    write: Patterns,
    publish: Patterns,
    history: Patterns,
}

impl Rights {
    /// Returns whether the user may do this in a channel.
    #[must_use]
    pub fn permits(&self, right: Right, channel: &str) -> bool {
        self.patterns(right).match_any(channel.as_bytes())
    }

    /// Returns whether the user may do nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Right::ALL.iter().all(|right| self.patterns(*right).spans.is_empty())
    }

    const fn patterns(&self, right: Right) -> &Patterns {
        match right {
            Right::Bind => &self.bind,
            Right::Write => &self.write,
            Right::Publish => &self.publish,
            Right::History => &self.history,
        }
    }

    pub(crate) fn new(bind: Patterns, write: Patterns, publish: Patterns, history: Patterns) -> Self {
        Self { bind, write, publish, history }
    }

    /// How much memory they take, in bytes, apart from themselves.
    pub(crate) fn bytes(&self) -> usize {
        Right::ALL.iter().map(|right| self.patterns(*right).bytes()).sum()
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
pub(crate) struct Patterns {
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
    /// Adds a name, or what names begin with.
    pub(crate) fn push(&mut self, parts: &[&str], is_prefix: bool) {
        let start = self.text.len();
        self.text.extend(parts.iter().copied());
        let last = self.text.as_bytes()[start..].last().copied().unwrap_or_default();
        self.spans.push(Span { start, end: self.text.len(), is_prefix, last });
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.spans.shrink_to_fit();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.spans.as_slice())
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
