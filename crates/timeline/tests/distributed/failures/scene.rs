//! Databases that a test may disturb, and what tests do at the nodes of a store there.

use std::collections::HashSet;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use test_support::{Mongo, Redis, require, unique};
use timeline::distributed::Config;
use timeline::{
    Conversation, Count, Entry, EntryKind, GroupName, GroupSent, MemberId, Message, MessageId,
    NewGroupMessage, NewMessage, PageRequest, Result, Sent, Seq, Timeline, Watch,
};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::place::{PATIENCE, open};

/// A short grace, so that holes are closed while a test waits.
pub(super) const GRACE: Duration = Duration::from_millis(300);

/// A MongoDB and maybe a Redis that no other test uses.
pub(super) struct Scene {
    pub(super) mongo: Mongo,
    pub(super) redis: Option<Redis>,
    pub(super) database: String,
}

impl Scene {
    /// Starts a MongoDB alone; `None` where there is none.
    pub(super) async fn on_mongo() -> Option<Self> {
        let mongo = require(Mongo::private().await)?;
        Some(Self { mongo, redis: None, database: unique("timeline") })
    }

    /// Starts both; `None` where one is missing.
    pub(super) async fn on_redis_and_mongo() -> Option<Self> {
        let redis = require(Redis::private().await)?;
        Some(Self { redis: Some(redis), ..Self::on_mongo().await? })
    }

    /// Returns the settings of a node that MongoDB knows by its name.
    pub(super) fn config(&self, name: &str) -> Config {
        let url = format!("{}&appName={name}", self.mongo.url());
        let config = Config::new(url).database(&*self.database).grace(GRACE);
        match &self.redis {
            Some(redis) => config.redis(redis.url()),
            None => config,
        }
    }

    /// Starts a node.
    pub(super) async fn node(&self, name: &str) -> Timeline {
        started(self.config(name)).await
    }

    /// Runs a command on the database of the store.
    pub(super) async fn command(&self, command: Document) -> Document {
        self.mongo.command(&self.database, command).await.unwrap()
    }

    /// Has the commands of a node on a collection wait, and then fail without having been done.
    pub(super) async fn block(&self, node: &str, command: &str, collection: &str) -> Blocked<'_> {
        // Beyond the end of the test.
        self.block_for(node, command, collection, Duration::from_secs(120)).await
    }

    /// Has them wait for so long, and then fail; what is to wait next is set after that only.
    pub(super) async fn block_for(
        &self,
        node: &str,
        command: &str,
        collection: &str,
        time: Duration,
    ) -> Blocked<'_> {
        let data = doc! {
            "failCommands": [command],
            "namespace": format!("{}.{collection}", self.database),
            "appName": node,
            "blockConnection": true,
            "blockTimeMS": i64::try_from(time.as_millis()).unwrap(),
            "errorCode": NOT_PRIMARY,
        };
        self.fail(data).await
    }

    /// Has each command of a node on a collection wait for so long, and then be done.
    pub(super) async fn hold(
        &self,
        node: &str,
        command: &str,
        collection: &str,
        time: Duration,
    ) -> Blocked<'_> {
        let data = doc! {
            "failCommands": [command],
            "namespace": format!("{}.{collection}", self.database),
            "appName": node,
            "blockConnection": true,
            "blockTimeMS": i64::try_from(time.as_millis()).unwrap(),
        };
        self.fail(data).await
    }

    /// Ends what commands wait for or fail with; those that wait go on to the end of that.
    pub(super) async fn let_go(&self) {
        let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
        self.mongo.command("admin", off).await.unwrap();
    }

    async fn fail(&self, data: Document) -> Blocked<'_> {
        let fail = doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data };
        let answer = self.mongo.command("admin", fail).await.unwrap();
        let before = answer.get_i64("count").or_else(|_| answer.get_i32("count").map(i64::from)).unwrap();
        Blocked { mongo: &self.mongo, before }
    }
}

/// Commands that wait in front of a MongoDB.
pub(super) struct Blocked<'a> {
    mongo: &'a Mongo,
    before: i64,
}

impl Blocked<'_> {
    /// Waits until there is one.
    pub(super) async fn arrived(&self) {
        let limit = i64::try_from(PATIENCE.as_millis()).unwrap();
        let wait = doc! {
            "waitForFailPoint": "failCommand",
            "timesEntered": self.before + 1,
            "maxTimeMS": limit,
        };
        self.mongo.command("admin", wait).await.unwrap();
    }
}

/// What a server answers that is about to stop being the primary.
const NOT_PRIMARY: i32 = 11_602;

/// Starts a node, and returns once it takes calls.
pub(super) async fn started(config: Config) -> Timeline {
    Timeline::start(timeline::Config::default(), open(config).await).unwrap()
}

pub(super) fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

pub(super) fn text(id: &str) -> Message {
    Message::new(format!("{{\"text\":\"{id}\"}}")).unwrap()
}

/// Sends a message whose id and text are the same.
pub(super) async fn send(timeline: &Timeline, from: &str, to: &str, id: &str) -> Result<Sent> {
    let message_id = MessageId::new(id).unwrap();
    timeline.send(NewMessage::new(member(from), member(to), text(id)).message_id(message_id)).await
}

/// Sends to a group of some members, `m0` and so on, of whom the first is the sender.
pub(super) async fn send_group(timeline: &Timeline, members: usize, id: &str) -> Result<GroupSent> {
    timeline.send_group(group_message(members, id)).await
}

pub(super) fn group_message(members: usize, id: &str) -> NewGroupMessage {
    let group = GroupName::new("tea").unwrap();
    let members: Vec<_> = (0..members).map(|number| member(&format!("m{number}"))).collect();
    let from = members[0].clone();
    NewGroupMessage::new(group, members, text(id)).from(from).message_id(MessageId::new(id).unwrap())
}

pub(super) fn tea() -> Conversation {
    Conversation::group(GroupName::new("tea").unwrap())
}

/// Reads an inbox to its end, which has no hole.
pub(super) async fn inbox(timeline: &Timeline, member: &MemberId) -> Vec<Entry> {
    let (mut entries, mut last) = (Vec::<Entry>::new(), Seq::ZERO);
    loop {
        let page = timeline.sync(member, last, Count::new(1_000)).await.unwrap();
        assert!(!page.reset, "the inbox of {member} was reset after {last}");
        assert_contiguous(&page.entries, last.max(page.floor));
        let Some(newest) = page.entries.last() else { return entries };
        last = newest.sequence;
        entries.extend(page.entries);
    }
}

/// Reads a history to its end, which has no hole.
pub(super) async fn history(timeline: &Timeline, conversation: &Conversation) -> Vec<Entry> {
    let (mut entries, mut last) = (Vec::<Entry>::new(), Seq::ZERO);
    loop {
        let page = timeline.history(conversation, PageRequest::after(last, Count::new(1_000))).await.unwrap();
        assert_contiguous(&page.entries, last.max(page.floor));
        let Some(newest) = page.entries.last() else { return entries };
        last = newest.sequence;
        entries.extend(page.entries);
    }
}

/// Reads a history until it has a message with this id: a hole below it stays for the grace.
pub(super) async fn history_with(timeline: &Timeline, conversation: &Conversation, id: &str) -> Vec<Entry> {
    let read = timeout(PATIENCE, async {
        loop {
            let entries = history(timeline, conversation).await;
            if ids(&entries).contains(id) {
                return entries;
            }
        }
    });
    read.await.unwrap_or_else(|_elapsed| panic!("{id} does not come into the history"))
}

pub(super) fn assert_contiguous(entries: &[Entry], after: Seq) {
    let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence.get()).collect();
    let expected: Vec<u64> = (after.get() + 1..).take(entries.len()).collect();
    assert_eq!(sequences, expected);
}

/// Returns the ids of the messages, each of which is there once.
pub(super) fn ids(entries: &[Entry]) -> HashSet<String> {
    let messages = entries.iter().filter(|entry| entry.kind == EntryKind::Message);
    let mut ids = HashSet::new();
    for entry in messages {
        let id = entry.message_id.as_ref().unwrap().as_str();
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
    }
    ids
}

/// Follows an inbox until it has a message with this id, and returns what came until then.
pub(super) async fn follow(watch: &mut Watch, id: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let followed = timeout(PATIENCE, async {
        loop {
            let page = match watch.next().await {
                Ok(page) => page,
                Err(error) => {
                    // The next call tries again.
                    assert_may_be_repeated(&error);
                    continue;
                }
            };
            assert!(!page.reset, "a reader was reset");
            entries.extend(page.entries);
            let is_it = |entry: &Entry| entry.message_id.as_ref().is_some_and(|found| found.as_str() == id);
            if entries.iter().any(is_it) {
                return;
            }
        }
    });
    followed.await.unwrap_or_else(|_elapsed| panic!("{id} did not come"));
    entries
}

/// Repeats a send until it is known to be done.
pub(super) async fn until_done<T, F>(mut send: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T>>,
{
    let done = timeout(PATIENCE, async {
        loop {
            match send().await {
                Ok(done) => return done,
                Err(error) => assert_may_be_repeated(&error),
            }
            // A store that is not open refuses without waiting for anything.
            yield_now().await;
        }
    });
    done.await.unwrap_or_else(|_elapsed| panic!("a send was not done within {PATIENCE:?}"))
}

pub(super) fn assert_may_be_repeated(error: &timeline::Error) {
    use timeline::ErrorKind::{Unavailable, UnknownOutcome};
    assert!(matches!(error.kind(), Unavailable | UnknownOutcome), "{error:#}");
}
