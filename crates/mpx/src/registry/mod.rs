//! Who wants what, and what Redis was told.
//!
//! This module is pure. Handles change what is wanted; the tasks of the connections tell Redis.
//! A name that is dropped and wanted again before it got that far costs nothing, and the commands
//! that are written always end with what is wanted now.
//!
//! A [`LinkState`] is the place of one connection: a multiplexer has one, a sharded one has one for
//! each master of the cluster.

mod answers;
mod by_kind;
mod handles;
mod link;
mod name_state;
mod routes;
mod sink_cache;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;

pub(crate) use self::answers::{Confirmation, Question, Refusal};
pub(crate) use self::by_kind::ByKind;
use self::link::LinkState;
use self::name_state::NameState;
pub(crate) use self::name_state::{NameStatus, Waiter};
use self::routes::slot;
pub(crate) use self::routes::{NOWHERE, NameRoutes, SLOTS};
pub(crate) use self::sink_cache::{CachedName, NameSinks, SinkCache, SoleHandler};
use crate::protocol::{NameKind, TEXT_MAX};
use crate::sink::Sink;

/// All names of one multiplexer.
#[derive(Debug)]
pub(crate) struct Registry {
    names: ByKind<HashMap<Bytes, NameState, foldhash::fast::RandomState>>,
    /// By number, which is the order of their creation.
    sinks: BTreeMap<u64, Subscriber>,
    sinks_made: u64,
    links: Vec<LinkState>,
    /// Which of them no connection has any more.
    free_links: Vec<usize>,
    routes: NameRoutes,
    /// How many names go into one command.
    batch_max: usize,
    /// How long a name may be, in bytes: one that is longer ends the connection.
    name_max: usize,
}

/// One subscription.
#[derive(Debug)]
struct Subscriber {
    sink: Arc<Sink>,
    /// Its names, each with whether it is active for it.
    names: HashMap<(NameKind, Bytes), bool, foldhash::fast::RandomState>,
}

/// A name with those for whom it begins.
pub(crate) type Activation = (Bytes, Vec<Arc<Sink>>);

/// A name that Redis is not asked for as it is too long, with those who wait for it.
pub(crate) type Overlong = (Bytes, Vec<Waiter>);

/// A subscription that has lost these names until they are activated again.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) sink: Arc<Sink>,
    pub(crate) names: Vec<Bytes>,
}

impl Registry {
    pub(crate) fn new(routes: NameRoutes, batch_max: usize) -> Self {
        Self {
            names: ByKind::default(),
            sinks: BTreeMap::new(),
            sinks_made: 0,
            links: Vec::new(),
            free_links: Vec::new(),
            routes,
            batch_max,
            name_max: TEXT_MAX,
        }
    }

    /// How many names somebody wants, or Redis is yet to forget.
    pub(crate) fn names_count(&self) -> usize {
        self.names.iter().map(HashMap::len).sum()
    }
}
