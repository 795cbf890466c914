//! The loop of every stream of events: reads, tells, waits and ends.

use std::collections::VecDeque;
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::outages::{Outages, Reading};
use crate::error::{Error, ErrorKind};

/// What one stream reads, and how far it is.
///
/// First comes a snapshot, if it was asked for, then what happens.
pub trait Feed: Send + 'static {
    /// What the stream gives.
    type Update: Send;

    /// Returns what changes with all that may be a reason to read on.
    ///
    /// Its sender lives as long as the feed.
    fn news(&self) -> watch::Receiver<Reading>;

    /// Returns what is cancelled once nothing more will come.
    fn ended(&self) -> &CancellationToken;

    /// Says whether the snapshot is yet to be completed.
    ///
    /// After the end it is not: the stream ends then.
    fn is_listing(&self) -> bool;

    /// Reads some more, and adds it to `ready`.
    ///
    /// It is finished before the stream does anything else, whoever gives up waiting for it.
    fn turn(&mut self, ready: &mut Ready<Self::Update>) -> impl Future<Output = Turn> + Send;

    /// Returns why those fail who read for the stream.
    ///
    /// It is asked only where somebody does, and says so in [`news`](Self::news).
    fn why(&self) -> Error {
        Error::new(ErrorKind::Unavailable, "events cannot be read now; the stream goes on once they can")
    }
}

/// What was read, and is not given yet.
pub type Ready<U> = VecDeque<Result<U, Error>>;

/// What a stream does after it has read some more.
#[derive(Debug)]
#[non_exhaustive]
pub enum Turn {
    /// There is more to read at once, whether or not something is ready.
    More,
    /// If nothing is ready there is nothing to read before the next news.
    Idle,
    /// Something could not be read; the stream says so once, and tries again.
    Failed {
        /// Why.
        error: Error,
        /// How long to wait.
        pause: Duration,
    },
}

/// Makes the stream of a feed, which gives first what is ready already.
pub fn stream<F: Feed>(
    feed: F,
    ready: Ready<F::Update>,
) -> impl Stream<Item = Result<F::Update, Error>> + Send + 'static {
    let news = feed.news();
    let outages = Outages::since(*news.borrow());
    let reader = Reader { feed, news, ready, outages };
    futures_util::stream::unfold(reader, |mut reader| async move {
        let item = reader.next().await?;
        Some((item, reader))
    })
}

struct Reader<F: Feed> {
    feed: F,
    news: watch::Receiver<Reading>,
    /// Refilled when empty, a page or a part of the snapshot at a time.
    ready: Ready<F::Update>,
    outages: Outages,
}

impl<F: Feed> Reader<F> {
    async fn next(&mut self) -> Option<Result<F::Update, Error>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            // The order matters: the news and the end are read before the turn. So news that comes
            // during the turn makes `changed` return at once, and what was written before the end
            // is read by this turn or a later one.
            let reading = *self.news.borrow_and_update();
            let ended = self.feed.ended().is_cancelled();
            if ended && self.feed.is_listing() {
                return None;
            }
            let turn = self.feed.turn(&mut self.ready).await;
            self.tell(reading, &turn);
            match turn {
                Turn::Idle | Turn::Failed { .. } if ended && self.ready.is_empty() => return None,
                // It pauses only if nothing is ready: items that could be read do not wait for
                // those that could not.
                Turn::Failed { pause, .. } if !ended && self.ready.is_empty() => {
                    // It tries again after the pause without waiting for news, as nothing tells
                    // when reading works again.
                    drop(timeout(pause, self.feed.ended().cancelled()).await);
                }
                Turn::Idle if self.ready.is_empty() => self.wait().await,
                // A long log is handed out in pages, and other tasks have a turn in between.
                _ => tokio::task::consume_budget().await,
            }
        }
    }

    /// Says once for each outage that there is one: by those who read for all streams, or by what
    /// this one failed of.
    fn tell(&mut self, reading: Reading, turn: &Turn) {
        let failure = match turn {
            Turn::Failed { error, .. } => Some(error),
            Turn::More | Turn::Idle => None,
        };
        if self.outages.note(reading, failure.is_some()) {
            let error = failure.cloned().unwrap_or_else(|| self.feed.why());
            self.ready.push_back(Err(error));
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = self.feed.ended().cancelled() => {}
            // The sender lives as long as the feed, so this cannot fail.
            _ = self.news.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    /// Plays turns that were written before; a number is what is ready after one.
    struct Script {
        turns: VecDeque<(Option<u8>, Turn)>,
        listing: bool,
        news: watch::Sender<Reading>,
        ended: CancellationToken,
    }

    impl Script {
        fn new(turns: impl IntoIterator<Item = (Option<u8>, Turn)>) -> Self {
            Self {
                turns: turns.into_iter().collect(),
                listing: false,
                news: watch::Sender::default(),
                ended: CancellationToken::new(),
            }
        }
    }

    impl Feed for Script {
        type Update = u8;

        fn news(&self) -> watch::Receiver<Reading> {
            self.news.subscribe()
        }

        fn ended(&self) -> &CancellationToken {
            &self.ended
        }

        fn is_listing(&self) -> bool {
            self.listing
        }

        async fn turn(&mut self, ready: &mut Ready<u8>) -> Turn {
            let (item, turn) = self.turns.pop_front().unwrap_or((None, Turn::Idle));
            ready.extend(item.map(Ok));
            turn
        }
    }

    fn failed() -> Turn {
        let error = Error::new(ErrorKind::Unavailable, "away");
        Turn::Failed { error, pause: Duration::from_secs(1) }
    }

    fn plain(items: Vec<Result<u8, Error>>) -> Vec<Result<u8, ErrorKind>> {
        items.into_iter().map(|item| item.map_err(|error| error.kind())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_told_once_and_tried_again_without_news() {
        let script =
            Script::new([(None, failed()), (None, failed()), (Some(1), failed()), (Some(2), Turn::Idle)]);
        let items = stream(script, Ready::from([Ok(0)])).take(4).collect().await;
        assert_eq!(plain(items), [Ok(0), Err(ErrorKind::Unavailable), Ok(1), Ok(2)]);
    }

    #[tokio::test]
    async fn at_the_end_what_there_is_is_given_and_what_fails_is_not_tried_again() {
        let script = Script::new([
            (Some(1), Turn::More),
            (Some(2), Turn::Idle),
            (None, failed()),
            (Some(3), failed()),
        ]);
        script.ended.cancel();
        let items = stream(script, Ready::new()).collect().await;
        assert_eq!(plain(items), [Ok(1), Ok(2), Err(ErrorKind::Unavailable), Ok(3)]);
    }

    #[tokio::test]
    async fn snapshot_is_not_completed_after_the_end() {
        let mut script = Script::new([(Some(1), Turn::More)]);
        script.listing = true;
        script.ended.cancel();
        let items = stream(script, Ready::from([Ok(0)])).collect().await;
        assert_eq!(plain(items), [Ok(0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_stream_wakes_up_for_news_and_for_the_end() {
        let script = Script::new([(None, Turn::Idle), (Some(1), Turn::Idle)]);
        let (news, ended) = (script.news.clone(), script.ended.clone());
        let mut stream = Box::pin(stream(script, Ready::new()));
        assert!(timeout(Duration::from_secs(9), stream.next()).await.is_err());
        news.send_modify(|_| {});
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        news.send_modify(Reading::fail);
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(timeout(Duration::from_secs(9), stream.next()).await.is_err());
        ended.cancel();
        assert!(stream.next().await.is_none());
    }
}
