//! What one post tells: events in a row, and whether some before them are lost.

use futures_util::FutureExt as _;
use presence_core::{Cause, Error, ErrorKind, Event, Events, Id, Position, Status, Update};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clock;

/// Events in one post.
pub(super) const EVENTS_MAX: usize = 500;

/// The bytes of events after which a post takes no more.
///
/// Many receivers refuse bodies of more than 100 KB, and a post that is refused is repeated for
/// ever.
const BYTES_MAX: usize = 64 * 1024;

/// Events in the order of presence.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Set if events before these are lost.
    lagged: Option<Lagged>,
    events: Vec<Event>,
    /// How long the events are in a post.
    bytes: usize,
    /// The position of the stream after these events.
    position: Option<Position>,
}

/// How many events are lost, where that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Lagged {
    pub(super) missed: Option<u64>,
}

/// `{"lagged":null,"events":[…]}`.
#[derive(Serialize)]
struct Body<'a> {
    lagged: Option<Lagged>,
    events: Vec<PostedEvent<'a>>,
}

/// `{"id":"bob","status":"OFFLINE","cause":"ENDED","at":<unix ms>,"position":"…"}`.
#[derive(Serialize)]
struct PostedEvent<'a> {
    id: &'a Id,
    status: Status,
    cause: Cause,
    at: u64,
    position: &'a Position,
}

impl<'a> From<&'a Event> for PostedEvent<'a> {
    fn from(event: &'a Event) -> Self {
        let Event { id, status, cause, at, position, .. } = event;
        Self { id, status: *status, cause: *cause, at: clock::unix_ms(*at), position }
    }
}

impl Batch {
    /// Returns whether there is nothing to post, only a position to remember.
    pub(super) fn is_silent(&self) -> bool {
        self.lagged.is_none() && self.events.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn lagged(&self) -> Option<Lagged> {
        self.lagged
    }

    pub(super) fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let body = Body { lagged: self.lagged, events: self.events.iter().map(PostedEvent::from).collect() };
        serde_json::to_vec(&body).expect("texts and numbers are always JSON")
    }

    fn is_full(&self) -> bool {
        self.events.len() >= EVENTS_MAX || self.bytes >= BYTES_MAX
    }

    fn push(&mut self, event: Event) {
        self.bytes += length(&event);
        self.position = Some(event.position.clone());
        self.events.push(event);
    }
}

/// Cuts the stream of presence into batches. It keeps nothing itself: what is not read stays in the
/// log.
pub(super) struct Cutter {
    events: Events,
    /// A loss that is told before the next event.
    lagged: Option<Lagged>,
}

impl Cutter {
    pub(super) fn new(events: Events, lagged: Option<Lagged>) -> Self {
        Self { events, lagged }
    }

    /// Returns the next batch: whatever is there, at least one thing. `None` when presence has
    /// ended, or after the stop when nothing is left to tell.
    pub(super) async fn next(&mut self, stop: &CancellationToken) -> Option<Batch> {
        let mut batch = Batch { lagged: self.lagged.take(), ..Batch::default() };
        while !batch.is_full() {
            // It waits only while there is nothing at all; otherwise it takes what is there. So an
            // event never waits for a post to fill up.
            let ready = self.events.next().now_or_never();
            let update = match ready {
                Some(update) => update,
                None if batch.is_silent() && batch.position.is_none() => {
                    stop.run_until_cancelled(self.events.next()).await?
                }
                None => break,
            };
            match update {
                Some(Ok(Update::Change(event))) => batch.push(event),
                Some(Ok(Update::Synced(position))) => batch.position = Some(position),
                // A snapshot was not asked for, and later versions may tell of other things.
                Some(Ok(_)) => {}
                Some(Err(error)) if error.kind() == ErrorKind::Lagged => {
                    if batch.events.is_empty() {
                        batch.lagged = Some(more(batch.lagged, &error));
                    } else {
                        // The loss lies behind the events in hand, so it begins the next batch.
                        self.lagged = Some(more(None, &error));
                        break;
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(
                        error = %format_args!("{error:#}"),
                        "presence is out of reach; the webhook goes on when it is back"
                    );
                }
                None if batch.is_silent() => return None,
                None => break,
            }
        }
        Some(batch)
    }
}

/// The bytes of an event in a post.
fn length(event: &Event) -> usize {
    let json = serde_json::to_vec(&PostedEvent::from(event)).expect("texts and numbers are always JSON");
    json.len() + ",".len()
}

fn more(lagged: Option<Lagged>, error: &Error) -> Lagged {
    let missed = match lagged {
        Some(lagged) => lagged.missed.zip(error.missed()).map(|(before, now)| before + now),
        None => error.missed(),
    };
    Lagged { missed }
}

#[cfg(test)]
mod tests {
    use presence_core::memory::{Config, Memory};
    use presence_core::{Presence, Since};
    use serde_json::{Value, json};

    use super::*;

    fn presence(events_max: usize) -> Presence {
        let config = Config::default().events_max(events_max);
        Presence::new(Memory::start(config).unwrap())
    }

    async fn follow(presence: &Presence) -> Cutter {
        Cutter::new(presence.events(Since::Now).await.unwrap(), None)
    }

    fn ids(batch: &Batch) -> Vec<&str> {
        batch.events.iter().map(|event| event.id.as_str()).collect()
    }

    #[tokio::test]
    async fn a_batch_is_what_is_there_up_to_its_limit() {
        let (presence, stop) = (presence(10_000), CancellationToken::new());
        let mut cutter = follow(&presence).await;
        let first = cutter.next(&stop).await.unwrap();
        assert!(first.is_silent() && first.position().is_some());
        let many: Vec<String> = (0..EVENTS_MAX + 2).map(|id| id.to_string()).collect();
        presence.online(&many).await.unwrap();
        let (full, rest) = (cutter.next(&stop).await.unwrap(), cutter.next(&stop).await.unwrap());
        assert_eq!(ids(&full), many[..EVENTS_MAX]);
        assert_eq!(ids(&rest), many[EVENTS_MAX..]);
        assert_eq!(rest.position(), Some(&rest.events[1].position));
    }

    #[tokio::test]
    async fn long_names_make_more_posts_not_longer_ones() {
        let (presence, stop) = (presence(10_000), CancellationToken::new());
        let mut cutter = follow(&presence).await;
        cutter.next(&stop).await.unwrap();
        let longest: Vec<String> = (0..EVENTS_MAX).map(|id| format!("{id:0>512}")).collect();
        presence.online(&longest).await.unwrap();
        let mut heard = Vec::new();
        while heard.len() < longest.len() {
            let batch = cutter.next(&stop).await.unwrap();
            let length = batch.body().len();
            assert!(length < BYTES_MAX + 2048, "{length} bytes");
            heard.extend(ids(&batch).into_iter().map(str::to_owned));
        }
        assert_eq!(heard, longest);
    }

    #[tokio::test]
    async fn what_is_lost_is_told_before_the_events_after_it() {
        let (presence, stop) = (presence(2), CancellationToken::new());
        let mut cutter = follow(&presence).await;
        cutter.next(&stop).await.unwrap();
        presence.online(["a", "b", "c", "d", "e"]).await.unwrap();
        let batch = cutter.next(&stop).await.unwrap();
        let body: Value = serde_json::from_slice(&batch.body()).unwrap();
        assert_eq!(body["lagged"], json!({ "missed": 3 }));
        assert_eq!(ids(&batch), ["d", "e"]);
        presence.online(["f"]).await.unwrap();
        assert_eq!(cutter.next(&stop).await.unwrap().lagged(), None);
    }

    /// The memory backend cannot lose something between two events that it gives together.
    #[tokio::test]
    async fn a_loss_ends_the_batch_before_it_and_an_outage_does_not() {
        let source = presence(9);
        source.online(["a", "b"]).await.unwrap();
        let position = source.events(Since::Now).await.unwrap().next().await.unwrap().unwrap();
        let Update::Synced(position) = position else { panic!("{position:?}") };
        let event = |id: &str| {
            let at = std::time::SystemTime::UNIX_EPOCH;
            Ok(Update::Change(Event::new(id.parse().unwrap(), Cause::Held, at, position.clone())))
        };
        let items = vec![
            event("a"),
            Err(Error::new(ErrorKind::Unavailable, "away")),
            event("b"),
            Err(Error::lagged(Some(2))),
            Err(Error::lagged(Some(3))),
            event("c"),
            Err(Error::lagged(None)),
        ];
        let mut cutter = Cutter::new(Events::new(futures_util::stream::iter(items)), None);
        let stop = CancellationToken::new();
        let mut heard = Vec::new();
        while let Some(batch) = cutter.next(&stop).await {
            heard.push((batch.lagged.map(|lagged| lagged.missed), ids(&batch).join(" ")));
        }
        let expected = [(None, "a b"), (Some(Some(5)), "c"), (Some(None), "")];
        assert_eq!(heard, expected.map(|(lagged, ids)| (lagged, ids.to_owned())));
    }

    #[tokio::test]
    async fn a_stop_ends_it_after_what_is_there() {
        let (presence, stop) = (presence(9), CancellationToken::new());
        let mut cutter = follow(&presence).await;
        cutter.next(&stop).await.unwrap();
        presence.online(["a"]).await.unwrap();
        stop.cancel();
        assert_eq!(ids(&cutter.next(&stop).await.unwrap()), ["a"]);
        assert!(cutter.next(&stop).await.is_none());
    }
}
