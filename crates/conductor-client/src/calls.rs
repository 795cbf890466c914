//! Calls and pings that wait for their answers.

use std::collections::HashMap;
use std::future::pending;
use std::hash::Hash;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind};

/// Who waits for which answer: a call by its uuid, a ping by its number.
#[derive(Debug)]
pub(crate) struct Waiting<K, A> {
    max: usize,
    locked: Mutex<Locked<K, A>>,
}

#[derive(Debug)]
struct Locked<K, A> {
    /// Who waits, with a number of their own.
    senders: HashMap<K, (u64, oneshot::Sender<A>)>,
    entered: u64,
}

/// One who waits; it is forgotten when this is dropped.
#[derive(Debug)]
pub(crate) struct Waiter<'w, K: Eq + Hash + Clone, A> {
    waiting: &'w Waiting<K, A>,
    key: K,
    /// Once it is answered, another one may wait under its key, and is not to be forgotten.
    number: u64,
    answer: oneshot::Receiver<A>,
}

impl<K: Eq + Hash + Clone, A> Waiting<K, A> {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, locked: Mutex::new(Locked { senders: HashMap::new(), entered: 0 }) }
    }

    /// Enters one who is going to wait, before the question is sent.
    pub(crate) fn enter(&self, key: K) -> Result<Waiter<'_, K, A>, Error> {
        let mut locked = self.locked.lock();
        if locked.senders.len() >= self.max {
            let text = format!("{} calls wait for their answers, which are as many as may", self.max);
            return Err(Error::new(ErrorKind::Busy, text));
        }
        if locked.senders.contains_key(&key) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a call with the same uuid waits for its answer",
            ));
        }
        let (sender, answer) = oneshot::channel();
        locked.entered += 1;
        let number = locked.entered;
        locked.senders.insert(key.clone(), (number, sender));
        Ok(Waiter { waiting: self, key, number, answer })
    }

    /// Gives an answer to who waits for it, or gives it back if nobody does.
    pub(crate) fn answer<Q>(&self, key: &Q, answer: A) -> Option<A>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some((_, sender)) = self.locked.lock().senders.remove(key) else { return Some(answer) };
        // Who has given up in this moment gets no answer, and nobody else wants it.
        sender.send(answer).ok();
        None
    }
}

impl<K: Eq + Hash + Clone, A> Waiter<'_, K, A> {
    /// Waits for the answer, which is taken once.
    ///
    /// Dropped before it is ready, it has taken nothing.
    pub(crate) async fn answer(&mut self) -> A {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            // The sender is in the table until it has sent, or until this is dropped.
            Err(_) => pending().await,
        }
    }

    /// Takes the answer if it is there.
    pub(crate) fn take(&mut self) -> Option<A> {
        self.answer.try_recv().ok()
    }
}

impl<K: Eq + Hash + Clone, A> Drop for Waiter<'_, K, A> {
    fn drop(&mut self) {
        let mut locked = self.waiting.locked.lock();
        if locked.senders.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            locked.senders.remove(&self.key);
        }
    }
}
