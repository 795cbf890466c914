//! Who hears a name, as the task of a connection remembers it.
//!
//! It is kept close together, since with many names most messages find nothing of theirs in the
//! processor's caches. This module is pure.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::name_state::Sinks;
use crate::handler::Handler;

/// The sinks that hear the names of one kind, as the task of a connection remembers them.
#[derive(Debug, Default)]
pub(crate) struct SinkCache {
    names: HashTable<CachedName>,
    state: RandomState,
}

/// One name with those who hear it. As small as can be: there may be many.
#[derive(Debug)]
pub(crate) struct CachedName {
    /// The name itself, if it is short: it is compared without following a pointer.
    short: [u8; SHORT],
    length: u8,
    /// The only one that hears it, if that is a handler.
    pub(crate) handler: Option<SoleHandler>,
    pub(crate) more: Box<NameSinks>,
}

/// A handler.
pub(crate) struct SoleHandler(pub(crate) Arc<dyn Handler>);

/// All who hear a name.
#[derive(Debug)]
pub(crate) struct NameSinks {
    pub(crate) name: Bytes,
    pub(crate) listeners: Sinks,
    /// The handler of each that has one, in their order.
    pub(crate) handlers: Box<[Option<SoleHandler>]>,
}

impl NameSinks {
    pub(crate) fn new(name: Bytes, listeners: Sinks) -> Self {
        let handlers = listeners.iter().map(|sink| sink.handler().cloned().map(SoleHandler)).collect();
        Self { name, listeners, handlers }
    }
}

impl SinkCache {
    /// The hash of a name, for [`find`](Self::find).
    #[inline]
    pub(crate) fn hash(&self, name: &[u8]) -> u64 {
        self.state.hash_one(name)
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, name: &[u8]) -> Option<&CachedName> {
        self.names.find(hash, |known| known.is(name))
    }

    /// Remembers a name that is not there.
    pub(crate) fn insert(&mut self, more: NameSinks) {
        let handler = match &*more.handlers {
            [Some(SoleHandler(handler))] => Some(SoleHandler(Arc::clone(handler))),
            _ => None,
        };
        let more = Box::new(more);
        let mut known = CachedName { short: [0; SHORT], length: u8::MAX, handler, more };
        let name = &known.more.name;
        if let Some(short) = known.short.get_mut(..name.len()) {
            short.copy_from_slice(name);
            known.length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        }
        let (hash, state) = (self.hash(&known.more.name), &self.state);
        self.names.insert_unique(hash, known, |known| state.hash_one(&*known.more.name));
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        let hash = self.hash(name);
        if let Ok(known) = self.names.find_entry(hash, |known| known.is(name)) {
            known.remove();
        }
    }
}

impl CachedName {
    /// Has the processor fetch what a message for this name needs.
    #[inline]
    pub(crate) fn touch(&self) -> usize {
        self.handler.as_ref().map_or(0, SoleHandler::touch)
    }

    #[inline]
    fn is(&self, name: &[u8]) -> bool {
        let Some(short) = self.short.get(..usize::from(self.length)) else { return self.more.name == name };
        if short.len() != name.len() {
            return false;
        }
        // Names of the usual lengths are compared as two halves that may overlap, since a call of
        // `memcmp` costs more.
        match (
            short.first_chunk::<8>(),
            name.first_chunk::<8>(),
            short.last_chunk::<8>(),
            name.last_chunk::<8>(),
        ) {
            (Some(a), Some(b), Some(c), Some(d)) if short.len() <= 16 => {
                (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b))
                    | (u64::from_ne_bytes(*c) ^ u64::from_ne_bytes(*d))
                    == 0
            }
            _ => short == name,
        }
    }
}

impl SoleHandler {
    /// Has the processor fetch the handler.
    #[inline]
    pub(crate) fn touch(&self) -> usize {
        // The count of an `Arc` lies in front of its value, so reading it fetches both.
        Arc::strong_count(&self.0)
    }
}

impl fmt::Debug for SoleHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoleHandler").finish_non_exhaustive()
    }
}

/// Names up to this are compared without a look elsewhere.
const SHORT: usize = 23;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_names_are_told_apart() {
        let names: Vec<Bytes> = (1..60_usize).map(|length| vec![b'a'; length].into()).collect();
        let mut known = SinkCache::default();
        names.iter().for_each(|name| known.insert(NameSinks::new(name.clone(), Sinks::default())));
        for name in &names {
            assert_eq!(known.find(known.hash(name), name).unwrap().more.name, name);
        }
        known.remove(&names[30]);
        known.remove(&names[3]);
        let found = names.iter().filter(|name| known.find(known.hash(name), name).is_some());
        assert_eq!(found.count(), names.len() - 2);
        assert!(known.find(known.hash(b"aab"), b"aab").is_none());
    }
}
