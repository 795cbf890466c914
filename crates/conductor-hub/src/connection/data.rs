//! What a program keeps with a connection.

use std::any::Any;
use std::sync::Arc;

use super::Connection;

/// What a program keeps with a connection: one value of each type.
///
/// Every hook and every thread can read and change it at any time, also when the connection has
/// ended; it lives as long as the [`Connection`]. Each call is whole by itself. A value that is
/// changed in place has a lock or an atomic number of its own.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use conductor_hub::{Auth, Connection};
/// use conductor_hub::protocol::MessageRef;
///
/// #[derive(Default)]
/// struct Written(AtomicU64);
///
/// struct FirstHundred;
///
/// impl Auth for FirstHundred {
///     // `admit` returns `Admission::default().data(Written::default())`.
///
///     fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
///         let written = connection.data().get::<Written>();
///         let before = written.map_or(100, |written| written.0.fetch_add(1, Ordering::Relaxed));
///         before < 100 && connection.is_bound(message.channel)
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConnectionData<'a>(&'a Connection);

impl<'a> ConnectionData<'a> {
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self(connection)
    }

    /// Keeps a value, in place of the one of its type.
    pub fn insert<T: Any + Send + Sync>(self, value: T) {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        let mut data = self.0.extras().data.lock();
        let before = match data.iter().position(|kept| (**kept).is::<T>()) {
            Some(place) => Some(std::mem::replace(&mut data[place], value)),
            None => {
                data.push(value);
                None
            }
        };
        // The order matters: dropping a value may run code of the program, which may come back
        // here.
        drop(data);
        drop(before);
    }

    /// Returns the value of a type, if there is one.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(self) -> Option<Arc<T>> {
        let data = self.0.extras.get()?.data.lock();
        let kept = data.iter().find(|kept| (***kept).is::<T>())?;
        Arc::clone(kept).downcast().ok()
    }

    /// Takes the value of a type away and returns it, if there is one.
    #[allow(clippy::must_use_candidate, reason = "some call it only to take the value away")]
    pub fn remove<T: Any + Send + Sync>(self) -> Option<Arc<T>> {
        let mut data = self.0.extras.get()?.data.lock();
        let place = data.iter().position(|kept| (**kept).is::<T>())?;
        data.swap_remove(place).downcast().ok()
    }
}
