//! Who may do what: the table of all doors.
//!
//! It has a row for each route, gRPC method, call and opcode, and tests look that there is none
//! without. What has no row is refused. Without logins nobody looks at it.
//!
//! | need | nobody known | user | service |
//! |---|---|---|---|
//! | [`Open`](Need::Open) | yes | yes | yes |
//! | [`User`](Need::User) | | yes | yes |
//! | [`Own`](Need::Own) | | yes, what of others the route allows | with the scope |
//! | [`Scope`](Need::Scope) | | | with the scope |

use axum::http::Method;
use tidings::identity::Scope;

use super::caller::Caller;
use super::refused::Refused;
use crate::rates::RateKind;

/// What it takes to use a route, a method, a call or an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Open,
    /// To be any user or service.
    User,
    /// To be a user, who gets at what is their own or anybody may see; or a service with the scope,
    /// for all.
    Own(Scope),
    /// To be a service with the scope.
    Scope(Scope),
}

impl Need {
    /// Returns why the caller may not.
    pub(crate) fn check(self, caller: &Caller) -> Result<(), Refused> {
        let scope = match (self, caller) {
            (Self::Open, _) | (_, Caller::Anybody) => return Ok(()),
            (_, Caller::Anonymous) => return Err(Refused::unauthenticated(LOG_IN)),
            (Self::User, _) | (Self::Own(_), Caller::User(_)) => return Ok(()),
            (Self::Own(scope) | Self::Scope(scope), _) => scope,
        };
        if caller.has(scope) {
            return Ok(());
        }
        Err(Refused::forbidden(format!("this needs a token with the scope {scope}")))
    }
}

const LOG_IN: &str = "log in first; send a token in the header Authorization, as Bearer TOKEN";

/// A route over HTTP.
#[derive(Debug)]
pub(crate) struct Row {
    /// The method; `*` is any.
    pub(crate) method: &'static str,
    /// The path as the router has it; what ends with `*` is the beginning of paths.
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    /// Whether the door finds out who asks. It does not where a page must load that logs somebody
    /// in: credentials that have expired would be in its way.
    pub(crate) is_asked: bool,
    /// As what each request counts.
    pub(crate) counts: Option<RateKind>,
}

impl Row {
    const fn new(method: &'static str, path: &'static str, need: Need) -> Self {
        Self { method, path, need, is_asked: !matches!(need, Need::Open), counts: None }
    }

    /// An open route that has to know of credentials.
    const fn asking(self) -> Self {
        Self { is_asked: true, ..self }
    }

    const fn counting(self, kind: RateKind) -> Self {
        Self { counts: Some(kind), ..self }
    }

    fn has(&self, path: &str) -> bool {
        match self.path.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => self.path == path,
        }
    }

    /// A request for the head alone needs what the whole does.
    fn takes(&self, method: &Method) -> bool {
        self.method == "*"
            || self.method == method.as_str()
            || (self.method == "GET" && method == Method::HEAD)
    }
}

/// What stands in the table of routes about a request.
#[derive(Debug)]
pub(crate) enum Found {
    Row(&'static Row),
    /// The path has rows, for these methods only.
    OtherMethods(Vec<&'static str>),
    Nothing,
}

/// Looks a request up, by its method and by the path as the router has it.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let rows = || ROUTES.iter().filter(|row| row.has(path));
    if let Some(row) = rows().find(|row| row.takes(method)) {
        return Found::Row(row);
    }
    let mut methods: Vec<_> = rows().map(|row| row.method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    if methods.is_empty() { Found::Nothing } else { Found::OtherMethods(methods) }
}

/// Looks a gRPC method up by the path of its calls.
pub(crate) fn find_method(path: &str) -> Option<Need> {
    GRPC.iter().find(|(of, _)| *of == path).map(|(_, need)| *need)
}

/// The routes that the timeline crate keeps for answers of its own to unknown paths.
pub(crate) const UNKNOWN: [&str; 3] = ["/timeline", "/timeline/", "/timeline/{*rest}"];

const PRESENCE: Need = Need::Own(Scope::Presence);
const TIMELINES: Need = Need::Own(Scope::Timelines);
const SERVICES: Need = Need::Scope(Scope::Timelines);
const ADMIN: Need = Need::Scope(Scope::Admin);

/// Every route over HTTP.
pub(crate) const ROUTES: &[Row] = &[
    Row::new("GET", "/", Need::Open),
    Row::new("GET", "/assets/*", Need::Open),
    Row::new("GET", "/openapi.json", Need::Open),
    Row::new("GET", "/healthz", Need::Open),
    Row::new("GET", "/readyz", Need::Open),
    Row::new("GET", "/metrics", ADMIN),
    Row::new("GET", "/export", SERVICES),
    Row::new("GET", "/login", Need::Open),
    Row::new("POST", "/login", Need::Open).counting(RateKind::Connects),
    Row::new("POST", "/ticket", Need::User).counting(RateKind::Connects),
    Row::new("GET", "/ws", Need::Open).asking().counting(RateKind::Connects),
    Row::new("GET", "/presence", PRESENCE),
    Row::new("GET", "/presence/events", PRESENCE).counting(RateKind::Connects),
    Row::new("GET", "/presence/{id}", PRESENCE),
    Row::new("GET", "/rooms/{room}", Need::Own(Scope::Rooms)),
    Row::new("POST", "/timeline/send", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/sendGroup", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/sendBatch", TIMELINES).counting(RateKind::Sends),
    Row::new("GET", "/timeline/sync", TIMELINES),
    Row::new("GET", "/timeline/watch", TIMELINES).counting(RateKind::Connects),
    Row::new("POST", "/timeline/ack", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/received", TIMELINES).counting(RateKind::Sends),
    Row::new("GET", "/timeline/received", TIMELINES),
    Row::new("GET", "/timeline/history/single/{from}/{to}", TIMELINES),
    Row::new("GET", "/timeline/history/group/{group}", TIMELINES),
    Row::new("POST", "/timeline/edit", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/recall", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/delete", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/read", TIMELINES).counting(RateKind::Sends),
    Row::new("GET", "/timeline/read", TIMELINES),
    Row::new("GET", "/timeline/unread", TIMELINES),
    Row::new("GET", "/timeline/unread/all", TIMELINES),
    Row::new("GET", "/timeline/conversations", TIMELINES),
    Row::new("POST", "/timeline/clear", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/purge", SERVICES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/deleteMember", SERVICES).counting(RateKind::Sends),
    Row::new("GET", "/timeline/groups", TIMELINES),
    Row::new("POST", "/timeline/groups", TIMELINES).counting(RateKind::Sends),
    Row::new("GET", "/timeline/groups/{group}", TIMELINES),
    Row::new("POST", "/timeline/groups/{group}/join", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/groups/{group}/leave", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/groups/{group}/rename", TIMELINES).counting(RateKind::Sends),
    Row::new("POST", "/timeline/groups/{group}/roles", TIMELINES).counting(RateKind::Sends),
    Row::new("*", UNKNOWN[0], Need::Open),
    Row::new("*", UNKNOWN[1], Need::Open),
    Row::new("*", UNKNOWN[2], Need::Open),
];

/// Every method over gRPC. As what each counts, [`counts`] says.
pub(crate) const GRPC: &[(&str, Need)] = &[
    ("/timeline.v1.Timeline/Send", TIMELINES),
    ("/timeline.v1.Timeline/SendGroup", TIMELINES),
    ("/timeline.v1.Timeline/GetSyncMessage", TIMELINES),
    ("/timeline.v1.Timeline/GetSingleHistoryMessage", TIMELINES),
    ("/timeline.v1.Timeline/GetGroupHistoryMessage", TIMELINES),
    ("/timeline.v1.Timeline/CreateGroup", TIMELINES),
    ("/timeline.v1.Timeline/ListGroups", TIMELINES),
    ("/timeline.v1.Timeline/GetGroup", TIMELINES),
    ("/timeline.v1.Timeline/JoinGroup", TIMELINES),
    ("/timeline.v1.Timeline/LeaveGroup", TIMELINES),
    ("/timeline.v1.Timeline/RenameGroup", TIMELINES),
    ("/timeline.v1.Timeline/SetGroupRole", TIMELINES),
    ("/timeline.v1.Timeline/Ack", TIMELINES),
    (WATCH, TIMELINES),
    ("/timeline.v1.Timeline/SendBatch", TIMELINES),
    ("/timeline.v1.Timeline/Received", TIMELINES),
    ("/timeline.v1.Timeline/ReceivedOf", TIMELINES),
    ("/timeline.v1.Timeline/Edit", TIMELINES),
    ("/timeline.v1.Timeline/Recall", TIMELINES),
    ("/timeline.v1.Timeline/DeleteMessage", TIMELINES),
    ("/timeline.v1.Timeline/Read", TIMELINES),
    ("/timeline.v1.Timeline/ReadOf", TIMELINES),
    ("/timeline.v1.Timeline/Unread", TIMELINES),
    ("/timeline.v1.Timeline/ListUnread", TIMELINES),
    ("/timeline.v1.Timeline/Conversations", TIMELINES),
    ("/timeline.v1.Timeline/Clear", TIMELINES),
    ("/timeline.v1.Timeline/Purge", SERVICES),
    ("/timeline.v1.Timeline/DeleteMember", SERVICES),
    ("/grpc.health.v1.Health/Check", Need::Open),
    ("/grpc.health.v1.Health/Watch", Need::Open),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ADMIN),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ADMIN),
];

/// The gRPC methods that count as sends.
///
/// Whatever is written to the timelines does, a change of a group as well: it may write a record as
/// long as that of a message to all members. A batch counts as one here; the rest of its messages
/// are counted when they are known.
const SENDS: [&str; 17] = [
    "/timeline.v1.Timeline/Send",
    "/timeline.v1.Timeline/SendGroup",
    "/timeline.v1.Timeline/CreateGroup",
    "/timeline.v1.Timeline/JoinGroup",
    "/timeline.v1.Timeline/LeaveGroup",
    "/timeline.v1.Timeline/RenameGroup",
    "/timeline.v1.Timeline/SetGroupRole",
    "/timeline.v1.Timeline/Ack",
    "/timeline.v1.Timeline/SendBatch",
    "/timeline.v1.Timeline/Received",
    "/timeline.v1.Timeline/Edit",
    "/timeline.v1.Timeline/Recall",
    "/timeline.v1.Timeline/DeleteMessage",
    "/timeline.v1.Timeline/Read",
    "/timeline.v1.Timeline/Clear",
    "/timeline.v1.Timeline/Purge",
    "/timeline.v1.Timeline/DeleteMember",
];

/// The gRPC method that stays open, and counts as a connection.
const WATCH: &str = "/timeline.v1.Timeline/Watch";

/// Returns as what a call of a gRPC method counts.
pub(crate) fn counts(path: &str) -> Option<RateKind> {
    match path {
        WATCH => Some(RateKind::Connects),
        _ if SENDS.contains(&path) => Some(RateKind::Sends),
        _ => None,
    }
}

/// Every call over a connection. One that awaits its login makes those that are open.
pub(crate) const CALLS: &[(&str, Need)] = &[
    ("ping", Need::Open),
    ("login", Need::Open),
    ("refresh", Need::User),
    ("hello", Need::User),
    ("who", PRESENCE),
    ("received", TIMELINES),
    ("received_of", TIMELINES),
    ("history", Need::User),
    ("show", Need::User),
];

/// Every opcode, as the hub holds clients to it; `None` is one that no client may send. What a user
/// may do in which channel, the rights of the token say.
#[cfg(test)]
const OPCODES: &[(&str, Option<Need>)] = &[
    ("Bind", Some(Need::User)),
    ("Unbind", Some(Need::User)),
    ("Write", Some(Need::User)),
    // Each call has a row of its own.
    ("Server", Some(Need::Open)),
    ("CleanUp", None),
    ("StreamStart", Some(Need::User)),
    ("StreamEnd", Some(Need::User)),
    ("StreamWrite", Some(Need::User)),
    ("MetaQuery", None),
    ("MetaQueryResponse", None),
];

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
