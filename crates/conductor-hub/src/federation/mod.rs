//! Sisters: several hubs that pass on what their clients write, without a broker.
//!
//! ```text
//!   client ─► router ─► members here                     members here ◄─┐
//!                │                                                      │ deliver, in order
//!                ▼ a row is one parcel                                  │
//!           ┌─────────┐ number it  ┌───────┐  batches   ┌───────────┐ ┌─┴───────┐
//!           │  relay  │──────────► │ queue │═══link═══► │ link task │►│  relay  │─► other links
//!           └─────────┘  per link  └───────┘            └───────────┘ └─────────┘
//! ```
//!
//! # Words
//!
//! - A *parcel* is what one client wrote in a row to one channel: messages of the protocol, byte
//!   for byte, with their author. It is what is numbered, passed on, kept in order and found
//!   missing.
//! - The *origin* of a parcel is the node whose client wrote it. A node has a random number of 128
//!   bits for each of its lives, so that whoever starts again is somebody else.
//! - A *link* is one WebSocket between two nodes. What is put into it comes out in order, until it
//!   ends. What it still held then is lost, which the other side finds out by the numbers.
//!
//! # What holds
//!
//! 1. **Once.** An origin numbers its parcels 1, 2, 3, and a node takes each number of it at most
//!    once, whatever the links between them: so any graph is free of loops.
//! 2. **In order.** A node takes the parcels of an origin in the order of their numbers, over all
//!    channels. What comes behind a later one that was taken is dropped.
//! 3. **Nothing missing without a notice.** A number that a node should have got and did not is
//!    told to [`Lifecycle::sister_gap`](crate::Lifecycle::sister_gap), and counted.
//! 4. **Who sends waits for readers everywhere, and for nobody else.** A reader at another node who
//!    is behind holds senders to that channel as one here does. Beyond that nobody waits for a
//!    sister: what is for her goes into a queue, which is bounded in bytes, and a link whose queue
//!    is full is ended.
//!
//! # Which numbers a link leaves out
//!
//! A sister gets what she is interested in, so she sees gaps that are none. Therefore each parcel
//! on a link says from which number on it *covers*: `covers 5..=9` is parcel 9, and says that 5 to
//! 8 are not for this sister. That can be passed on: what a node was not to get, its sisters were
//! not to get through it, as its interest has theirs in it. Where a node has lost some, its links
//! claim what came before the gap, and begin anew behind it.
//!
//! A claim is made by what a node knew of the interest of others, which travels as well. So one
//! over a young link can be wrong: it was made before the interest of this node had reached
//! whoever made it, although this node has had its members for long. Two rules find that:
//!
//! - A node that wanted something when a link began does not believe for 5 s what that link denies.
//!   Within 200 ms an older link brings those numbers or denies them, too, or they are told as
//!   missing. So where nodes come together again, some are told that were for nobody there, and
//!   streams are in doubt, see below. A node tells its sisters of such a doubt, which is one for
//!   them as well: what was hardly for this node was hardly for anybody behind it.
//! - A parcel names the number of its origin's parcel *before* it in the same channel. A node that
//!   has taken parcels of this channel and not that one knows that it is missing.
//!
//! # Interest
//!
//! A node tells each sister which channels it wants, from its own members and from its other links,
//! never what only this sister wants ("split horizon"). In a ring that is not enough: when the last
//! member has gone, the others keep telling each other that somebody must still be there. So each
//! name carries how many links its nearest member is away, and one that is more than
//! 16 links away is none: it fades out after so many turns. That is also the
//! furthest that a message goes, 16 links. Until a sister has told her whole interest she is sent
//! everything, and so is one who wants more names than fit. A node that would tell a sister more
//! names than fit, its own or those of its other links, asks her for everything instead, and tells
//! her no more of them: a link that has just begun would be full of names, and end, each time.
//!
//! # Streams and senders
//!
//! Messages of a stream are in parcels as others are. Where a gap of an origin is told, or it has
//! gone, its open streams end for the local members with `StreamEnd` and the body `aborted`: one
//! that lacks a piece is no use to anybody.
//!
//! A gap that a young link denies as a whole, which is not believed yet, most likely lacks nothing.
//! Behind it the open streams of that origin are in doubt (`stream_doubts.rs`). The next parcel of
//! the channel says which one of its origin came before it: if that is the last one that was taken,
//! the stream is whole and goes on, and if not, it ends as above. So it does if no parcel of the
//! channel comes for 5 s.
//!
//! A sender is a connection of the origin, or the program, whose streams have their uuids: so two
//! connections of one user have two streams.
//!
//! Receivers know a stream by its uuid, which is that of one open stream in a channel, at whatever
//! node. Each node knows those that have come here: it drops a stream that begins with the uuid of
//! another sender's, be that a sister, a client of its own or its program. Of two that begin at two
//! nodes at once, each node has the one that came first, whole, and nothing of the other.
//!
//! # Who waits for whom
//!
//! ```text
//!              A                                B                           C
//!  sender ─► router ─► queue ═══ tea 1, 2, 3 ═══► relay ═══ tea 1, 2, 3 ═══► members
//!              │                                                               │
//!              │ is `tea` behind anywhere?      passes on what is new          │ one is over half
//!              ▼                                                               ▼
//!            heard ◄═════ C: tea is half ════════ heard ◄═══ C: tea is half ═══ said
//! ```
//!
//! The rule is that of one node: a sender is paused only while an outbox of that channel is over
//! half, 2 s for a message at most; who sent little lately, only while one is over three quarters.
//! It has two parts, as word of a reader comes too late for what is on its way:
//!
//! - *Paces.* When a node has delivered what came over a link, and a member is over half by then,
//!   it says so to all its sisters, and again when nobody is. They note it and pass it on, each
//!   number once, in any graph. The routers of all nodes hold senders to that channel meanwhile. It
//!   is said again each second; what is not, or came by a link that has ended, is forgotten.
//! - *Windows.* Of one channel at most an eighth of an outbox is on its way over a link, or a
//!   quarter of its queue if that is less, until the sister says that she has taken it. Senders to
//!   a channel beyond that wait, and no others, so that no channel takes a link for all. She takes
//!   what comes at once, whoever is behind, so no two nodes wait for each other. A node that passes
//!   on more than two windows of a channel says so as if one of its members were behind.
//!
//! So a reader that gets over half at the end of two links gets three windows more at most, and has
//! room for four. Several nodes that send to it at once, or more links in a row, may be more than
//! it has room for, if all of that is on its way. So may be what comes while senders hold more than
//! half of [`unfinished_bytes_max`](crate::Config::unfinished_bytes_max): then no other row waits,
//! for a reader here as little as for one at another node or for a link. What a program publishes
//! waits for nobody; a message that has hardly less than half of a link's queue is refused, as it
//! would end every link on which clients send much.
//!
//! *One piece of a stream.* A client at A sends pieces to `tea` as fast as it can; at C one member
//! reads 1 MiB/s.
//!
//! 1. The router of A delivers pieces, and each is a parcel in the queue to B. With 128 KiB on
//!    their way, the next row waits. B takes two batches, tells A so, and the row goes on.
//! 2. B passes the parcels on. C delivers a batch of them, and an outbox is at 520 KiB: `C, 1,
//!    half, tea` goes to B, before C says that it has taken the batch. B passes it on to A.
//! 3. At A, the next row waits: C is behind. What was on its way, 128 KiB and what the queue of B
//!    holds, fills the outbox at C to 800 KiB, and no more comes. Rows to `cake` go on meanwhile.
//! 4. The outbox at C is below half. The reader's task wakes the task of paces, `C, 2, free, tea`
//!    goes to B and A, and wakes the sender. If that takes longer than 2 s, its row goes all the
//!    same, as it would for a reader at A.
//!
//! A node of an older version says nothing of this and leaves it out: its members hold nobody, as
//! before, and of a link to it only what is in the queue counts.
//!
//! # Who is a sister
//!
//! Whoever proves by HMAC-SHA-256, over fresh numbers of both sides, that it knows the secret of
//! [`SisterConfig`]. It is said to nobody. The program is asked about who has proven it, and about
//! nobody else ([`Auth::is_sister`](crate::Auth::is_sister)), so that strangers cost it nothing.
//!
//! A link over `wss` is one to the right machine as well, and nobody reads it; what its connection
//! of TLS exports is a part of both proofs, so that who ends TLS in between and passes the proofs
//! on is found out by both. A node takes links without TLS from private addresses alone.
//!
//! # Tasks and owners
//!
//! | what | is owned by | ends |
//! |---|---|---|
//! | the relay, under one lock, with no I/O inside | `Federation` | with the hub |
//! | one link task per link: reads, decodes, hands over, writes | the hub's tracker | when the link or the hub ends |
//! | one tick task: ages, beats, gaps | the hub's tracker | with the hub |
//! | one task of paces: whether members have caught up, and each second who has not | the hub's tracker | with the hub |
//! | the manager: whom to dial | the hub's tracker | with the hub |
//!
//! Locks: the one of deliveries, then that of the relay, then a link's queue; the registry's may be
//! taken below all of them. The deliveries' is held while parcels go to local members, so that two
//! links cannot overtake each other behind the relay. No lock is held across an `.await`.
//!
//! # What fails, and what then
//!
//! | what | then |
//! |---|---|
//! | no answer to a dial, a wrong secret or certificate | the manager dials again after a random delay up to 20 s |
//! | a proxy ends TLS between two nodes | neither takes the other's proof: the link is refused, and both logs say so |
//! | a dial takes longer than 15 s, or of it the auth hook of the other node or the challenge longer than 5 s | it is given up |
//! | a node that dialled has not proven itself 0.5 s after the hub began to shut down | it is given up |
//! | a link ends | its sister's interest is forgotten, other links go on; the manager dials |
//! | a link is frozen | nothing is heard for 5 s: it is ended. What waits meanwhile is bounded |
//! | a link is slow | senders to a channel wait that has its window on the way. If its queue is full all the same, it is ended, as a frozen one |
//! | a node that dialled sends more than 1 KiB before its proof, or none within 5 s | its connection is cut, and counted |
//! | 32 nodes have dialled and proven nothing yet, and another one dials | the connection of the oldest is cut, and counted |
//! | the auth hook says no of a sister, or nothing in its time | she hears so as the last word of the challenge, and there is no link |
//! | bytes that are no item, or a channel that begins with `$` or is longer than `name_bytes_max` | the link is ended, and counted |
//! | a number is missing | later ones of that origin wait 200 ms for it to come by another link, then the gap is told |
//! | too many bytes wait behind gaps | the gap of the origin that holds most is told at once |
//! | an origin is silent for 10 s | it is told as lost; its streams end |
//! | a part of the nodes is cut off, and has enough sisters in itself | each node dials somebody beyond `max_sisters` whom it does not hear, once in 5 to 10 s, so both parts come together |
//! | a sister has as many links as may be | she says so in the challenge, and there is no link; both logs do at debug |
//! | a name of DNS does not answer | those found so far stay; the log says it once. Other addresses are dialled meanwhile |
//! | a hook panics, or one of the manager | caught, logged; the parcel counts as delivered. Without its `start` nobody is dialled |
//!
//! # One message over three nodes
//!
//! Nodes A, B and C in a row, a member of `tea` at C. C has told B `tea, 1 link`, and B has told A
//! `tea, 2 links`.
//!
//! 1. A client at A writes to `tea` and to `cake`. Before the router delivers each at A, the relay
//!    of A numbers them 1 (`tea`) and 2 (`cake`), then a third, 3 (`tea`, the one before it is 1).
//!    B wants `tea` alone: the queue to B gets `1 covers 1..=1` and `3 covers 2..=3`.
//! 2. B has never heard of A: its first number is that of the first claim, 1. It takes 1 and 3; 2
//!    is denied. It has no members, passes both on to C, and nothing back.
//! 3. C takes 1 and 3, stores them if it has a storage, and gives them to its members as one client
//!    here had written them.
//!
//! *A kill.* B dies with 3 in its queue. A and C see the link end, and forget its interest. The
//! managers dial, A and C are linked, and C has told its interest. A's next number is 4, which C
//! gets as `4 covers 4..=4`; it has 2, so it waits 200 ms for 3 and tells the gap `3..=3`.
//!
//! *A freeze.* B is stopped. Pings of A are not answered: after 5 s A ends the link. What A's
//! clients wrote meanwhile waited in the queue, at most `link_bytes_max`, and is gone; A's members
//! had it at once. When B goes on, it finds its links closed, and it dials as a node that has
//! missed something: the numbers say what.
//!
//! *A partition.* A | B, C. On both sides clients go on with who is there. Each second every node
//! sends a beat, which has a number as a parcel has; so when they are together again, each finds
//! what it missed by the first beat, even if nobody writes any more. Each part may have enough
//! sisters in itself by then. But 10 s after the cut A hears neither B nor C, and dials one of them
//! with the next of its dials beyond `max_sisters`, as they dial A: who is there again is found
//! within 30 s. That link stays for five minutes at least, and for as long as no beat of somebody
//! comes by another one.

mod arrivals;
mod balance;
mod begin;
mod challenge;
mod channel_shares;
mod config;
mod dialler;
mod dns_name;
mod host;
mod interest;
mod item;
mod link_observer;
mod link_queue;
mod link_task;
mod meeting;
mod no_sister;
mod node_id;
mod open_streams;
mod pace;
mod parcel;
mod relay;
mod sister;
mod sister_client;
mod sister_manager;
mod sister_metrics;
mod sister_server;
#[cfg(feature = "tls")]
mod sister_tls;
mod sisters;
mod spans;
mod state;
mod stranger;
mod strangers;
mod stream_doubts;
mod thinning;
mod tls_binding;
#[cfg(feature = "tls")]
mod tls_dialler;
mod websocket_link;

pub(crate) use begin::begin;
pub use config::SisterConfig;
pub use dialler::SisterDialler;
pub(crate) use host::SisterHost;
pub(crate) use link_task::ASKING_TIME_MAX;
pub(crate) use no_sister::{NoSister, NotLinked};
pub use node_id::NodeId;
pub(crate) use open_streams::StreamPass;
pub(crate) use pace::PaceMark;
pub(crate) use parcel::{ParcelAuthor, ParcelBody};
pub use sister::{Sister, SisterEnd, SisterMeta};
pub use sister_client::{SisterClient, SisterReader, SisterSocket, SisterWriter};
pub(crate) use sister_manager::ManagedLinks;
pub use sister_manager::SisterManager;
pub use sister_server::SisterServer;
pub(crate) use sister_server::is_private;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use sister_tls::SisterTls;
pub use sisters::Sisters;
pub(crate) use state::Federation;
pub(crate) use strangers::StrangerPlace;
pub use tls_binding::TlsBinding;
pub(crate) use websocket_link::{SUBPROTOCOL, accepted};
