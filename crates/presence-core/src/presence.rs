//! The handle that programs use.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::backend::{Backend, LastSeen};
use crate::batch::{BatchError, Failure};
use crate::error::Error;
use crate::event::{Since, Status};
use crate::events::Events;
use crate::into_name::IntoName;
use crate::name::{Device, Id};
use crate::page::{Cursor, IdPage};
use crate::state::State;

/// Who is here: a handle on a [`Backend`], cheap to clone.
///
/// Calls for many ids take anything that can become one: `&str`, `String`, `Id`, `&Id`. Ids are
/// checked before anything happens; the bad ones are listed in the error and the good ones take
/// effect.
///
/// # Shutdown
///
/// [`shutdown`](Self::shutdown) ends every stream, on every handle, and waits for the backend's
/// tasks. Dropping the last handle does the same without waiting. A stream keeps no backend alive.
#[derive(Debug, Clone)]
pub struct Presence {
    backend: Arc<dyn Backend>,
}

impl Presence {
    /// Creates a handle on a backend, also on one that is shared in an `Arc`.
    #[must_use]
    pub fn new(backend: impl Backend) -> Self {
        Self { backend: Arc::new(backend) }
    }

    /// Gives each id a heartbeat, which keeps it online for the TTL.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that are invalid or got none.
    pub async fn online(&self, ids: impl IntoIterator<Item: IntoName<Id>>) -> Result<(), BatchError> {
        let batch = Batch::new(ids);
        let result = if batch.ids.is_empty() { Ok(()) } else { self.backend().online(&batch.ids).await };
        batch.written(result)
    }

    /// Ends every device of each id, so that it is offline at once.
    ///
    /// There is no grace time.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that are invalid or may still be online.
    pub async fn offline(&self, ids: impl IntoIterator<Item: IntoName<Id>>) -> Result<(), BatchError> {
        let batch = Batch::new(ids);
        let result = if batch.ids.is_empty() { Ok(()) } else { self.backend().offline(&batch.ids).await };
        batch.written(result)
    }

    /// Gives one device a heartbeat, which keeps it for the TTL.
    ///
    /// A held device stays held.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if a name is invalid;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the store cannot do it now;
    /// [`Closed`](crate::ErrorKind::Closed) after a [`shutdown`](Self::shutdown).
    pub async fn beat_device(
        &self,
        id: impl IntoName<Id>,
        device: impl IntoName<Device>,
    ) -> Result<(), Error> {
        let (id, device) = (id.into_name()?, device.into_name()?);
        self.backend().beat_device(&id, &device).await
    }

    /// Holds one device until it is ended, without heartbeats.
    ///
    /// [`end_device`](Self::end_device) ends it. For what this process sees end, such as a
    /// connection, and under a name that is used nowhere else: of a device that several processes
    /// hold each ends its own. Should the process die the backend finds out.
    ///
    /// # Errors
    ///
    /// As [`beat_device`](Self::beat_device).
    pub async fn hold_device(
        &self,
        id: impl IntoName<Id>,
        device: impl IntoName<Device>,
    ) -> Result<(), Error> {
        let (id, device) = (id.into_name()?, device.into_name()?);
        self.backend().hold_device(&id, &device).await
    }

    /// Ends one device; the last one leaves its id online for the grace time.
    ///
    /// # Errors
    ///
    /// As [`beat_device`](Self::beat_device).
    pub async fn end_device(
        &self,
        id: impl IntoName<Id>,
        device: impl IntoName<Device>,
    ) -> Result<(), Error> {
        let (id, device) = (id.into_name()?, device.into_name()?);
        self.backend().end_device(&id, &device).await
    }

    /// Returns the status of each id, in input order and of input length.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that are invalid or could not be read, and with the statuses
    /// of all, [`Status::Unknown`] for those.
    pub async fn status(
        &self,
        ids: impl IntoIterator<Item: IntoName<Id>>,
    ) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        let batch = Batch::new(ids);
        let result =
            if batch.ids.is_empty() { Ok(Vec::new()) } else { self.backend().status(&batch.ids).await };
        batch.read(result)
    }

    /// Returns when each id last gave a sign of life.
    ///
    /// The answers have the order and length of the input. `None` is an id that was never online,
    /// or so long ago that the backend forgot.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that are invalid or could not be read, and with the answers
    /// for all, `None` for those.
    pub async fn last_seen(
        &self,
        ids: impl IntoIterator<Item: IntoName<Id>>,
    ) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        let batch = Batch::new(ids);
        let result =
            if batch.ids.is_empty() { Ok(Vec::new()) } else { self.backend().last_seen(&batch.ids).await };
        batch.read(result)
    }

    /// Returns at most `limit` ids that are online.
    ///
    /// `Cursor::default()` starts the listing. Following [`IdPage::next`] lists everybody who is
    /// online all the while, at least once. For a listing that is exact and stays so, take
    /// [`events`](Self::events) from [`Since::Snapshot`].
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a cursor of another backend; otherwise
    /// as [`count`](Self::count).
    pub async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        self.backend().online_ids(cursor, limit.max(1)).await
    }

    /// Returns how many ids are online.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the store cannot say now, or not in time;
    /// [`Closed`](crate::ErrorKind::Closed) after a [`shutdown`](Self::shutdown).
    pub async fn count(&self) -> Result<u64, Error> {
        self.backend().count().await
    }

    /// Opens a stream of what happens.
    ///
    /// It misses nothing that happens once this call has returned.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count), if the stream cannot begin. A position that is too old is not
    /// such an error: the stream begins with [`Lagged`](crate::ErrorKind::Lagged).
    pub async fn events(&self, since: Since) -> Result<Events, Error> {
        self.backend().events(since).await
    }

    /// Returns how the store is, now and from here on.
    ///
    /// A state says whether the store takes what is written, and if not, why. The receiver keeps no
    /// backend alive. After the backend was dropped it stays as it was last.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.backend().state()
    }

    /// Returns what about the store will do harm although it works now.
    ///
    /// Each warning is one sentence that names the remedy. There is none if all is well.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count). A part of the store that cannot say hides no warning about the
    /// others.
    pub async fn warnings(&self) -> Result<Vec<String>, Error> {
        self.backend().warnings().await
    }

    /// Ends the backend, for all clones of this handle.
    ///
    /// New calls fail with [`Closed`](crate::ErrorKind::Closed), what was accepted is finished,
    /// streams end after what has happened so far, and no event is made. Returns whether all of it
    /// ended within `grace`; what did not goes on to end by itself.
    ///
    /// # Cancel safety
    ///
    /// The end comes even if nobody waits for it. A second call waits for the same end.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.backend().shutdown(grace).await
    }

    /// The backend itself: an `Arc` of it is one as well, which would box each answer once more.
    fn backend(&self) -> &dyn Backend {
        &*self.backend
    }
}

impl From<Arc<dyn Backend>> for Presence {
    fn from(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

/// The good ids of a call and what became of the others.
struct Batch {
    ids: Vec<Id>,
    invalid: Vec<Failure>,
}

impl Batch {
    fn new(ids: impl IntoIterator<Item: IntoName<Id>>) -> Self {
        let ids = ids.into_iter();
        let mut batch = Self { ids: Vec::with_capacity(ids.size_hint().0), invalid: Vec::new() };
        for (index, id) in ids.enumerate() {
            match id.into_name() {
                Ok(id) => batch.ids.push(id),
                Err(invalid) => {
                    let error = Error::from(invalid.clone());
                    batch.invalid.push(Failure::new(index, invalid.into_text(), error));
                }
            }
        }
        batch
    }

    fn written(self, result: Result<(), BatchError>) -> Result<(), BatchError> {
        let failed = result.err().map_or(Vec::new(), |error| error.into_parts().1);
        if self.invalid.is_empty() && failed.is_empty() {
            return Ok(());
        }
        let indices = self.indices();
        Err(BatchError::new((), self.merge(&indices, failed)))
    }

    fn read<T: Default>(
        self,
        result: Result<Vec<T>, BatchError<Vec<T>>>,
    ) -> Result<Vec<T>, BatchError<Vec<T>>> {
        let (values, failed) = match result {
            Ok(values) if self.invalid.is_empty() => return Ok(values),
            Ok(values) => (values, Vec::new()),
            Err(error) => error.into_parts(),
        };
        let indices = self.indices();
        // An invalid id was not asked for. Its answer is the default, as of what failed.
        let mut all: Vec<T> = std::iter::repeat_with(T::default).take(self.len()).collect();
        for (index, value) in indices.iter().zip(values) {
            all[*index] = value;
        }
        Err(BatchError::new(all, self.merge(&indices, failed)))
    }

    /// Joins the failures of the backend, which counted the good ids alone, with the invalid ids.
    fn merge(self, indices: &[usize], failed: Vec<Failure>) -> Vec<Failure> {
        let failed = failed.into_iter().map(|failure| {
            let index = indices.get(failure.index()).copied();
            failure.at(index.unwrap_or(usize::MAX))
        });
        self.invalid.into_iter().chain(failed).collect()
    }

    fn len(&self) -> usize {
        self.ids.len() + self.invalid.len()
    }

    /// Where in the input each good id stood.
    fn indices(&self) -> Vec<usize> {
        let mut invalid = self.invalid.iter().map(Failure::index).peekable();
        (0..self.len()).filter(|index| invalid.next_if_eq(index).is_none()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn failures_of_the_backend_are_told_by_their_place_in_the_input() {
        let batch = Batch::new(["", "a", "\n", "b"]);
        let failed = Failure::new(1, "b", Error::new(ErrorKind::Unavailable, "gone"));
        let result = batch.read(Err(BatchError::new(vec![Status::Online, Status::Unknown], vec![failed])));
        let (statuses, failures) = result.unwrap_err().into_parts();
        assert_eq!(statuses, [Status::Unknown, Status::Online, Status::Unknown, Status::Unknown]);
        assert_eq!(failures.iter().map(Failure::index).collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn good_batch_is_returned_as_it_is() {
        assert_eq!(Batch::new(["a"]).read(Ok(vec![Status::Online])), Ok(vec![Status::Online]));
        assert!(Batch::new(["a"]).written(Ok(())).is_ok());
    }
}
