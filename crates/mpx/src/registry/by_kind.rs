//! One of something for each kind of name.
//!
//! This module is pure.

use std::ops::{Index, IndexMut};

use crate::protocol::NameKind;

/// One of something for each kind of name, found by the kind.
#[derive(Debug, Default)]
pub(crate) struct ByKind<T>([T; KINDS.len()]);

impl<T> ByKind<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

impl<T> Index<NameKind> for ByKind<T> {
    type Output = T;

    #[inline]
    fn index(&self, kind: NameKind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<NameKind> for ByKind<T> {
    #[inline]
    fn index_mut(&mut self, kind: NameKind) -> &mut T {
        &mut self.0[kind as usize]
    }
}

/// All kinds, in the order in which Redis is told of their names.
pub(super) const KINDS: [NameKind; 3] = [NameKind::Channel, NameKind::Pattern, NameKind::Shard];
