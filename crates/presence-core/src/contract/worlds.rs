//! Worlds whose type is left behind, so that each law is compiled once.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::world::{Terms, World};
use crate::error::Error;
use crate::presence::Presence;

/// The worlds of one type: what they promise, and how one is started.
///
/// A law that was generic would be compiled anew for each type of each test program, and there are
/// many laws. `T` is [`AnyWorld`] or, for the laws of rooms, [`AnyRoomWorld`](super::AnyRoomWorld).
#[derive(Debug)]
pub struct Worlds<T: ?Sized = dyn AnyWorld> {
    pub(super) ttl: Duration,
    pub(super) ttl_min: Duration,
    pub(super) lateness: Duration,
    pub(super) delivery: Duration,
    pub(super) takeover: Option<Duration>,
    pub(super) timeout: Duration,
    start: fn(Terms) -> BoxFuture<'static, Result<Box<T>, Error>>,
}

impl<T: ?Sized + 'static> Worlds<T> {
    /// Returns the worlds of a type.
    #[must_use]
    pub fn of<W: Erase<T>>() -> Self {
        Self {
            ttl: W::TTL,
            ttl_min: W::TTL_MIN,
            lateness: W::LATENESS,
            delivery: W::DELIVERY,
            takeover: W::TAKEOVER,
            timeout: W::TIMEOUT,
            start: start_erased::<T, W>,
        }
    }

    /// Starts one of them, as [`World::start`] does.
    pub(super) fn start(&self, terms: Terms) -> BoxFuture<'static, Result<Box<T>, Error>> {
        (self.start)(terms)
    }

    pub(super) fn terms(&self) -> Terms {
        Terms { ttl: self.ttl, grace: self.ttl, events_max: 65_536 }
    }

    /// For laws in which nobody is to fall silent, however busy the machine is.
    pub(super) fn long_terms(&self) -> Terms {
        Terms { ttl: self.ttl * 100, ..self.terms() }
    }
}

// Derived, these would ask the same of `T`, of which nothing is in here.
impl<T: ?Sized> Clone for Worlds<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Worlds<T> {}

fn start_erased<T: ?Sized + 'static, W: Erase<T>>(terms: Terms) -> BoxFuture<'static, Result<Box<T>, Error>> {
    Box::pin(async move { W::start(terms).await.map(Erase::<T>::erase) })
}

/// Leaves the type of a [`World`] behind; `T` is what is still known of it.
pub trait Erase<T: ?Sized>: World {
    /// Returns the same world without its type.
    fn erase(self) -> Box<T>;
}

impl<W: World> Erase<dyn AnyWorld> for W {
    fn erase(self) -> Box<dyn AnyWorld> {
        Box::new(self)
    }
}

/// A [`World`] without its type: the same methods, on an object.
pub trait AnyWorld: Send + Sync + 'static {
    /// As [`World::node`].
    fn node(&self) -> BoxFuture<'_, Result<Presence, Error>>;

    /// As [`World::litter`].
    fn litter(&self) -> BoxFuture<'_, bool>;

    /// As [`World::lose`].
    fn lose(&self) -> BoxFuture<'_, bool>;

    /// As [`World::restore`].
    fn restore(&self) -> BoxFuture<'_, ()>;

    /// As [`World::refuse_writes`].
    fn refuse_writes(&self) -> BoxFuture<'_, bool>;

    /// As [`World::accept_writes`].
    fn accept_writes(&self) -> BoxFuture<'_, ()>;
}

impl<W: World> AnyWorld for W {
    fn node(&self) -> BoxFuture<'_, Result<Presence, Error>> {
        Box::pin(World::node(self))
    }

    fn litter(&self) -> BoxFuture<'_, bool> {
        Box::pin(World::litter(self))
    }

    fn lose(&self) -> BoxFuture<'_, bool> {
        Box::pin(World::lose(self))
    }

    fn restore(&self) -> BoxFuture<'_, ()> {
        Box::pin(World::restore(self))
    }

    fn refuse_writes(&self) -> BoxFuture<'_, bool> {
        Box::pin(World::refuse_writes(self))
    }

    fn accept_writes(&self) -> BoxFuture<'_, ()> {
        Box::pin(World::accept_writes(self))
    }
}
