//! The body of a watch: each page in room of its own, and nothing read ahead.
//!
//! ```text
//! wait ──► reserve ──► read ──► encode ──► pieces, each gives its room back as it is written ──► wait
//!  │ for nothing
//!  └──► a line that says the watch is alive, where the door has one
//! ```
//!
//! There is no queue: the next page is read when the server asks for bytes and the pieces of the
//! page before are gone. So a client that does not read stands still, and while others wait for
//! room its page is cut like any other answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};

use super::in_flight::{AnswerBody, Cut};
use super::watching::{Watched, Watching};

/// What a door makes of what a watch comes to.
pub(crate) enum Chunk {
    /// A page, which holds its room.
    Page(AnswerBody),
    /// A few bytes, after which the watch goes on.
    Short(Bytes),
    /// The last that the client hears.
    Last(Frame<Bytes>),
}

type Next = Pin<Box<dyn Future<Output = (Watching, Watched)> + Send>>;

/// The body of a watch. It ends when the watch does; dropped, it ends the watch.
pub(crate) struct WatchBody {
    /// None after the end.
    next: Option<Next>,
    page: Option<AnswerBody>,
    write: fn(Watched) -> Chunk,
    patience: Option<Duration>,
}

impl WatchBody {
    /// Makes the body of a watch, as `write` writes it.
    ///
    /// Whenever there was nothing for `patience`, it writes [`Watched::Idle`].
    pub(crate) fn new(watching: Watching, write: fn(Watched) -> Chunk, patience: Option<Duration>) -> Self {
        Self { next: Some(next(watching, patience)), page: None, write, patience }
    }

    fn end(&mut self) {
        (self.next, self.page) = (None, None);
    }
}

fn next(mut watching: Watching, patience: Option<Duration>) -> Next {
    Box::pin(async move {
        let watched = watching.next(patience).await;
        (watching, watched)
    })
}

impl Body for WatchBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            if let Some(page) = &mut self.page {
                match ready!(Pin::new(page).poll_frame(context)) {
                    Some(Ok(frame)) if frame.is_data() => return Poll::Ready(Some(Ok(frame))),
                    // The page was cut. What comes after it would leave a gap.
                    Some(cut) => {
                        self.end();
                        return Poll::Ready(Some(cut));
                    }
                    None => self.page = None,
                }
            }
            let Some(next_one) = &mut self.next else { return Poll::Ready(None) };
            let (watching, watched) = ready!(next_one.as_mut().poll(context));
            match (self.write)(watched) {
                Chunk::Page(page) => {
                    self.page = Some(page);
                    self.next = Some(next(watching, self.patience));
                }
                Chunk::Short(bytes) => {
                    self.next = Some(next(watching, self.patience));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Chunk::Last(frame) => {
                    self.end();
                    return Poll::Ready(Some(Ok(frame)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && self.page.is_none()
    }
}

impl fmt::Debug for WatchBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchBody").field("page", &self.page).finish_non_exhaustive()
    }
}
