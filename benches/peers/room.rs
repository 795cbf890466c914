//! The members of the channel, and how many messages all of them have received.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::member::{Fault, Member, Speaker};
use crate::peer::Peer;
use crate::server::Server;

/// Members that join at the same time.
const AT_ONCE: usize = 100;

/// How long a delivery may take.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);

/// Many members that read all the time.
pub(crate) struct Room {
    received: Arc<Received>,
    speakers: Vec<Speaker>,
    /// Owns the tasks that read.
    _tasks: TaskTracker,
}

/// What all have received together, and who waits for it to be as much as it should.
#[derive(Default)]
struct Received {
    messages: AtomicU64,
    expected: AtomicU64,
    is_lost: AtomicBool,
    fault: Mutex<Option<Fault>>,
    changed: Notify,
}

/// Joins members until there are so many, who do not read yet.
pub(crate) async fn join(
    peer: &Peer,
    server: &Server,
    members: &mut Vec<Member>,
    count: usize,
) -> Result<(), Box<dyn Error>> {
    while members.len() < count {
        let more = AT_ONCE.min(count - members.len());
        let joining = (0..more).map(|_| Member::join(peer, server.address));
        members.extend(try_join_all(joining).await.map_err(|fault| fault as Box<dyn Error>)?);
    }
    Ok(())
}

impl Room {
    /// Fills the room. `heard` is told of each member's number and how many messages it has
    /// received until now, before the last ones count.
    pub(crate) async fn fill<H>(
        peer: &Peer,
        server: &Server,
        count: usize,
        heard: impl Fn(usize) -> H,
    ) -> Result<Self, Box<dyn Error>>
    where
        H: FnMut(u64) + Send + 'static,
    {
        let mut members = Vec::new();
        join(peer, server, &mut members, count).await?;
        let (received, tasks) = (Arc::new(Received::default()), TaskTracker::new());
        let speakers = members.iter().map(Member::speaker).collect();
        for (number, member) in members.into_iter().enumerate() {
            tasks.spawn(read(member, Arc::clone(&received), heard(number)));
        }
        Ok(Self { received, speakers, _tasks: tasks })
    }

    /// Returns those who may write, one for each member.
    pub(crate) fn speakers(&self) -> &[Speaker] {
        &self.speakers
    }

    /// Says how many messages more all are to receive together.
    pub(crate) fn expect(&self, deliveries: u64) {
        self.received.expected.fetch_add(deliveries, Ordering::SeqCst);
    }

    /// Waits until everybody has received what was expected; more than that is an error.
    pub(crate) async fn complete(&self) -> Result<(), Box<dyn Error>> {
        let received = &self.received;
        let complete = async {
            // Whoever completes it leaves a permit, so nothing is missed between look and wait.
            while received.missing() > 0 && !received.is_lost.load(Ordering::SeqCst) {
                received.changed.notified().await;
            }
        };
        drop(tokio::time::timeout(DELIVERY_TIMEOUT, complete).await);
        if let Some(fault) = received.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(fault);
        }
        match received.missing() {
            0 => Ok(()),
            missing @ 1.. => Err(format!("{missing} deliveries are missing after 20 s").into()),
            more => Err(format!("{} deliveries too many", -more).into()),
        }
    }
}

impl Received {
    /// Returns how many are missing, negative if there are too many.
    fn missing(&self) -> i64 {
        self.expected.load(Ordering::SeqCst).cast_signed()
            - self.messages.load(Ordering::SeqCst).cast_signed()
    }
}

async fn read(mut member: Member, received: Arc<Received>, mut heard: impl FnMut(u64)) {
    let mut buffer = vec![0; 16 * 1024];
    let mut count = 0;
    loop {
        match member.read(&mut buffer).await {
            Ok(messages) => {
                count += messages;
                heard(count);
                received.messages.fetch_add(messages, Ordering::SeqCst);
                if received.missing() <= 0 {
                    received.changed.notify_one();
                }
            }
            Err(fault) => {
                received.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
                received.is_lost.store(true, Ordering::SeqCst);
                received.changed.notify_one();
                return;
            }
        }
    }
}
