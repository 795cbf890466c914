//! Who calls: what a program tells the services of it.

use std::future::{Future, pending};
use std::pin::Pin;

use http::{Extensions, HeaderMap};

use super::CallRefused;
use crate::MemberId;

/// Who makes a call, as far as the program knows.
///
/// A `Member` is a user, for whom these rules hold; what is not in the table they may not. Where
/// a request leaves out who sends, reads, lists, owns, joins or leaves, it is the user who calls.
///
/// | call | a user may |
/// |---|---|
/// | send, batch of sends | send as themselves, to anybody |
/// | sync, watch | read their own inbox |
/// | ack | free their own inbox |
/// | received | say how far their own program has come |
/// | received of | learn how far the program of anybody has come |
/// | history of two | read it if they are one of the two |
/// | history of a group | read it while they are a member |
/// | group send | send as themselves to a group they are a member of: to all its members (an empty `group_members`), or to those of them that are named. The first send to a group that there is not creates it, with the user as the owner and those who are named as members |
/// | create a group | create one that they own |
/// | get a group | see one they are a member of, and one that is open |
/// | list groups | list their own |
/// | join | join an open group; as an owner, have anybody join |
/// | leave | leave; as an owner, have anybody leave |
/// | rename, roles | do so as an owner |
/// | edit, recall, delete a message | do so with messages that they sent, to a group while they are a member |
/// | read, unread | say and learn it of their own conversations, of a group while they are a member |
/// | read of | learn how far the others of such a conversation have read |
/// | list of conversations, of unread ones | list their own; of a group that they are not a member of without its title and its last message |
/// | clear | clear a conversation for themselves |
/// | purge, delete a member | |
///
/// A user cannot make a group of a name that has a history already, as after sends in a time
/// without logins: whoever came first would read all of it. A service creates such a group. Of a
/// group that they may not see, users are told the same as of one that there is not, so a user who
/// leaves a second time is refused.
///
/// `Anybody` and `Service` may make every call, in the name of anybody. For `Anybody` nothing is
/// looked up: a group is whoever each send names. A send of a `Service` that names nobody goes to
/// the members that the store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caller {
    /// Anybody at all: the program does not know its callers.
    Anybody,
    /// A user, who acts for themselves.
    Member(MemberId),
    /// A program that is trusted to act for everybody.
    Service,
}

/// Says who makes a call: the hook of the HTTP and the gRPC service.
///
/// A program gives one to `http::router_for` or `grpc::server_for`. It is asked for every call
/// before the body is read and before anything is reserved or looked up.
///
/// # Contract
///
/// - It answers at once. What takes time, such as asking a login service, belongs into a layer in
///   front of the service, which leaves its result in the extensions of the request.
/// - It may be asked by many calls at the same time.
/// - Over gRPC the headers are the metadata of the call.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
///
/// use axum::http::{Extensions, HeaderMap, header};
/// use timeline::{CallRefused, Caller, Callers, MemberId};
///
/// /// The users who are logged in, by their tokens.
/// struct Tokens(HashMap<String, MemberId>);
///
/// impl Callers for Tokens {
///     fn caller(&self, _: &Extensions, headers: &HeaderMap) -> Result<Caller, CallRefused> {
///         let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
///         let token = given.and_then(|value| value.strip_prefix("Bearer "));
///         match token.and_then(|token| self.0.get(token)) {
///             Some(member) => Ok(Caller::Member(member.clone())),
///             None => Err(CallRefused::unauthenticated("the request has no known token; log in")),
///         }
///     }
/// }
/// ```
pub trait Callers: Send + Sync {
    /// Returns who makes the call with these extensions and headers.
    ///
    /// # Errors
    ///
    /// The call is refused as the [`CallRefused`] says, and has no effect.
    fn caller(&self, extensions: &Extensions, headers: &HeaderMap) -> Result<Caller, CallRefused>;

    /// Counts the messages of a batch beyond its first, before any of them is sent.
    ///
    /// A program that bounds how often somebody sends has counted the call as one send when it came
    /// in, and could not know then how many it has. Nothing is counted by default.
    ///
    /// # Errors
    ///
    /// The call is refused as the [`CallRefused`] says, and has no effect.
    fn count_batch(&self, _extensions: &Extensions, _more: usize) -> Result<(), CallRefused> {
        Ok(())
    }

    /// Returns what ends when the caller may not watch any longer.
    ///
    /// A watch lasts for as long as its client reads, which may be longer than a login. It ends
    /// with this future, and its client is told what the [`CallRefused`] says. A program also ends
    /// its watches so when it stops. By default it never ends.
    fn ended(&self, _extensions: &Extensions) -> CallEnd {
        Box::pin(pending())
    }
}

/// What says when a caller may not watch any longer, and why.
pub type CallEnd = Pin<Box<dyn Future<Output = CallRefused> + Send>>;

/// Every call is one of anybody, as in a program without logins.
#[derive(Debug)]
pub(crate) struct Everybody;

impl Callers for Everybody {
    fn caller(&self, _: &Extensions, _: &HeaderMap) -> Result<Caller, CallRefused> {
        Ok(Caller::Anybody)
    }
}
