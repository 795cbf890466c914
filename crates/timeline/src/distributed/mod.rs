//! A store on MongoDB, for any number of equal nodes, with or without Redis.
//!
//! It obeys the same laws as the embedded store. A node has nothing of its own: one may send to one
//! node and read from another, and a node that dies takes nothing along that was acknowledged.
//! Entries live in MongoDB, where a unique index on box and sequence is the judge of every dispute.
//! Sequences come from Redis, one script for all boxes of a batch; without it, or while it is away,
//! from the index itself.
//!
//! ```no_run
//! # async fn start() -> timeline::Result<()> {
//! use timeline::distributed::{self, DistributedStore, GROUP_MEMBERS_MAX};
//! use timeline::{Config, Timeline};
//!
//! // Each process that is to be a node does this, with the same settings.
//! let config = distributed::Config::new("mongodb://10.0.0.7,10.0.0.8,10.0.0.9/chat?replicaSet=rs0");
//! let store = DistributedStore::start(config).await?;
//! let timeline = Timeline::start(Config::default().group_members_max(GROUP_MEMBERS_MAX), store)?;
//! # drop(timeline);
//! # Ok(())
//! # }
//! ```
//!
//! # The way of one message
//!
//! Alice sends "hi" to Bob at one node. Bob is connected to another one.
//!
//! ```text
//!  Alice's node                 Redis          MongoDB                           Bob's node
//!   1 was the id used before? ────────────────► chat_history, by `_id`
//!   2 next sequences of three boxes ─► script
//!     or, without it: the last + 1 ───────────► chat_sync, chat_history
//!   3 what is begun ──────────────────────────► chat_intents, not waiting for a majority
//!   4 the entry, with its copies' places ─────► chat_history, majority
//!   5 the rows, and the copies ───────────────► chat_rows and chat_sync, majority
//!   6 Alice has her answer
//!   7 "alice and bob have more" ─────► Pub/Sub ──────────────────────────────────► 8 wakes
//!     or, without it ─────────────────────────► chat_notices ─── change stream ──►   who waits
//!                                               chat_sync ◄── from his position ──── 9 Bob has "hi"
//! ```
//!
//! All sends that wait at a node, up to 256, go this way together, so their number hardly changes
//! how many commands there are. The entry with its two copies is three documents:
//!
//! ```text
//! chat_history  {_id, id: "seq:alice:bob", seq: 7, message: "{\"text\":\"hi\"}", from: "alice", to: "bob",
//!                at, mid: "7f1c", digest, members: ["alice", "bob"], seqs: [12, 31]}
//! chat_sync     {_id, id: "alice", seq: 12, message, from, to, at, mid, place: 7, tag}
//! chat_sync     {_id, id: "bob",   seq: 31, message, from, to, at, mid, place: 7, tag}
//! ```
//!
//! | the node dies after step | what is there | who goes on |
//! |---|---|---|
//! | 1 | nothing | nobody has to |
//! | 2, 3 | nothing but three sequences that were given out | whoever next reads one of the boxes beyond them closes them with tombstones after the [grace](Config::grace) |
//! | 4 | the entry, and who is to get copies where | any node, 5 s after the grace: it writes the rows and the copies |
//! | 5 | all of it | nobody has to; a repetition gets the answer |
//! | 6 | all of it | Bob's node looks by itself after 30 s at most |
//!
//! # States
//!
//! ```text
//!  an entry     reserved ──► noted ──► in its history ──► copied ──► answered
//!                   │          │             └─ the node dies: any node goes on from here
//!                   └──────────┴─ nobody writes it: a hole ── grace ──► a tombstone; a writer
//!                                                                       who is later than that
//!                                                                       takes a new sequence
//!
//!  a store      down, not open yet ──► well ◄──► down, as MongoDB has no primary
//!               calls are refused       │         calls wait for one within the timeout
//!                                       └──► shut down: calls are refused with `Closed`
//!
//!  Redis        in use ── a call fails or takes 250 ms ──► left alone, the index gives sequences
//!                 ▲                                            │ asked after 1, 2, 4, then every 5 s
//!                 └── each counter is compared once more ◄── it answers
//! ```
//!
//! # Promises
//!
//! - An acknowledged send is in the history and in each inbox that is not named as failed. A
//!   majority has it in its journals, so that no failover takes it back.
//! - Nothing is read, told or answered before a majority has it. A sequence that any reader has
//!   seen is given to no other message, whatever becomes of Redis.
//! - A reader skips nothing. It waits at a hole for the grace at most, however long that is, then
//!   gets a tombstone. What lies behind a hole is never passed over in silence: a page of an inbox
//!   names it as the latest, and one of a history says what it lacks. Those who ask wait there.
//! - A call is answered within [`timeout`](Config::timeout), with all that it waits for.
//! - A send, a change or a purge that was begun is finished whole or not at all, by any node. One
//!   repeated with its [`MessageId`](crate::MessageId) has one effect and one answer, at any node.
//! - Floors only rise, and are durable before anything is removed.
//!
//! # Failures
//!
//! | what | what the store does |
//! |---|---|
//! | a node dies or hangs | others finish what it had begun; readers of the boxes that it was writing to wait for the grace, once. A node that goes on later finds that done |
//! | Redis is away, hangs, refuses writes or is too old | sends go on by the index. One line of the log at the beginning, one at the end |
//! | Redis is empty, or without its last writes | a counter is compared with the entries before its first use at a node, after each new connection, and every 4 minutes; what is given out twice in between is refused by the index, and gets another sequence |
//! | the primary changes | calls wait within [`timeout`](Config::timeout) |
//! | MongoDB does not confirm a write in the time of a call | [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome): the node goes on with the send in the background, and a repetition with the [id that the error names](crate::Error::message_id) gets the answer |
//! | somebody drops the unique indexes, puts others in their place that let duplicates in, or drops the database | nothing is acknowledged until the node has made them again, with the next send or within 4 s; if another index is in the way, or two entries have one sequence by then, the state is `ReadOnly` and says what to do |
//! | there is no majority | [`Unavailable`](crate::ErrorKind::Unavailable) or `UnknownOutcome`; [`state`](crate::Store::state) says `Down` if there is no primary |
//! | MongoDB is away at the start | [`DistributedStore::start`] returns within a second; the state is `Down` with the reason, and it is tried again every 5 s at the latest |
//! | nodes cannot hear each other | what others write is heard about a second later, or half a minute where a node does not notice that it hears nothing: it looks itself at the inboxes that are waited for there. Cursors are said once: where it is noticed, watchers learn after it that they [may lack some](crate::InboxPage::cursors_cut) |
//!
//! # Limits
//!
//! - **Groups** have at most [`GROUP_MEMBERS_MAX`] members, and sends to more are refused. A
//!   [`Timeline`](crate::Timeline) allows 1,000 unless
//!   [`group_members_max`](crate::Config::group_members_max) says otherwise.
//! - **A node** has two queues, for sends to fewer than 100 members and for those to more, each of
//!   4,096 sends or 32 MiB, and 64 calls to MongoDB under way; who comes then waits within the
//!   timeout. A batch has 256 sends, 10,000 copies, and 32 MiB of texts with those of the copies.
//!   One of sends to 100 members or more waits up to 250 ms for the one before it.
//! - **The observer** hears of what its node wrote, and of what others wrote into inboxes that are
//!   waited for there. One that is too slow misses entries, which a metric counts; readers do not.
//! - **Histories from secondaries** ([`Config::histories_from_secondaries`]) are as old as the
//!   secondary: a text that was edited, recalled, deleted or purged is shown for as long as it lags
//!   behind. A page before a sequence that it has not reached, and pages by a time, come from the
//!   primary, so that one page never lacks what another one has. Inboxes are read there, too.
//! - **Messages of the Go service** do not say who has copies. They cannot be edited or recalled,
//!   and a purge takes them from the history alone: the copies in inboxes keep their texts until
//!   they are acknowledged or too old.
//! - **Lists of conversations.** A node takes a member for one of the group for up to 5 minutes
//!   after another node has let them leave or forgotten them, if that node's notice is lost. What
//!   it sends to them meanwhile is in their inbox, but brings the group back to their list only
//!   with a message that comes later.
//! - **Intents** are confirmed by the primary alone (`w: 1`): an oplog keeps its order, so a member
//!   that has an entry has its intent as well. If the primary changes between the two, the intent
//!   may be lost; the node notes it again before its next step. Should the node die before that,
//!   nobody looks for the copies: the send, which was not acknowledged, stays in the history alone
//!   until it is repeated with its message id.
//! - **Clocks.** Sequences, holes and what nodes finish for others do not depend on the clocks of
//!   nodes. What lies below a floor stays for 10 minutes on MongoDB's clock, and a node uses a
//!   sequence for 4 minutes on its own, which goes on while the machine is suspended. So two things
//!   must not happen: a clock of MongoDB that jumps ahead by minutes, and a machine that is frozen
//!   by its host in the middle of a send and goes on minutes later with all of its clocks as they
//!   were. The send could lie below the floor then.
//! - **Holes that stay open.** Reads wait for 5 s at holes. If these are open still, as with a long
//!   [`grace`](Config::grace), the newest page of a history has what is below them. Of a gap of
//!   more than 10,000 places the rest is closed as readers come. A node knows 10,000 gaps at once;
//!   the others get their turn as readers look again, which a watch does every 2.5 s to 5 s.
//! - **Moving.** Nothing imports an embedded store, or exports this one.
//! - **Sharding** is untested. The shard key of `chat_sync` and `chat_history` would be `{id: 1}`.
//!
//! # Documents
//!
//! | collection | has | is found by | stays |
//! |---|---|---|---|
//! | `chat_sync` | the entries of inboxes, and the head of each (floor, top, what was received) at `seq: 0` | `id`, `seq`: unique | until it is acknowledged or too old, and 10 minutes more |
//! | `chat_history` | the same of histories; an entry has the list of its copies, and a change under way | `id`, `seq`: unique; the same and `kind`, of what is no message | until it is purged or too old |
//! | `chat_rows` | what a member has of a conversation: read, joined, cleared | `member`, `id`: unique; `id`, `member` | until the member is forgotten |
//! | `chat_groups` | a group with its members | `_id`; `members.id` | for ever |
//! | `chat_intents` | what a node is doing | `_id`, `at` | a second longer than that; of a dead node until another one has finished it, 90 s at most |
//! | `chat_notices` | what nodes tell each other without Redis | a change stream | a minute |
//! | `chat_boxes` | boxes that retention or removal has to look at, by when | `look_at` | until there is nothing to do |
//! | `chat_meta` | the format and the generation of the store, and which node looks after retention | `_id` | for ever |
//!
//! Sequences and times are int64; `_id`s are made before the first attempt, so that whatever is
//! written twice is there once. The files below `documents` have each field. In Redis there is a
//! hash for each box, and the channel of the notices.
//!
//! # Metrics
//!
//! | name | says |
//! |---|---|
//! | `timeline_redis_up` | 1 while Redis gives out the sequences of all boxes, otherwise 0 |
//! | `timeline_others_heard` | 1 while this node hears what others write, otherwise 0 |
//! | `timeline_sequences_total`, by `by` | sequences given out, by `redis` or by the `index` |
//! | `timeline_batch_seconds`, `timeline_queue_length` | how long a batch takes, and how many sends wait |
//! | `timeline_unknown_outcomes_total` | sends that were answered before it was known whether they are stored, once for each answer |
//! | `timeline_intents_ended_total` | batches of dead nodes that this one finished |
//! | `timeline_unfinished_total` | sends and changes that were begun, and that this node cannot end, as a document cannot be read; the log names each once |
//! | `timeline_holes_closed_total` | holes that this node closed |
//! | `timeline_entries_pruned_total` | entries that this node removed below floors |
//! | `timeline_notices_total`, by `way`; `timeline_notices_failed_total`, `timeline_notices_missed_total` | what this node said and heard, could not say, and may have missed |
//! | `timeline_observer_missed_total` | entries that the observer missed as it was too slow |

mod ack;
mod box_id;
mod call_end;
mod changes;
mod config;
mod database;
mod documents;
mod entry_id;
mod episodes;
mod fields;
mod finisher;
mod forget;
mod groups;
mod hold;
mod indexes;
mod intents;
mod keeper;
mod kept;
mod last_entries;
mod legacy;
mod lists;
mod moment;
mod node_id;
mod opening;
mod probe;
mod read;
mod received;
mod requirements;
mod reserving;
mod reserving_turns;
mod rows;
mod safety;
mod send;
mod sequencer;
mod shared;
mod shared_look;
mod store;
mod telling;
mod tops;
mod trial;
mod trouble;

pub use self::config::Config;
pub use self::groups::GROUP_MEMBERS_MAX;
pub use self::legacy::{CheckReport, Duplicate, Hole, Repaired, check, repair};
#[cfg(feature = "redis")]
pub use self::probe::probe_redis;
pub use self::probe::{Probe, probe};
pub use self::store::DistributedStore;
use crate::clock;
