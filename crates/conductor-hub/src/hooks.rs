//! What a program adds to a hub.

use std::fmt;
use std::sync::Arc;

use crate::calls::CallQueue;
#[cfg(feature = "sisters")]
use crate::federation::{SisterConfig, SisterManager};
use crate::{Auth, BindCause, Connection, Dedup, Deliveries, Handler, Lifecycle, Storage, Throttle};

/// The hooks of a hub; each is `()`, the default of its trait, unless it is set.
///
/// A hook is taken by value. An `Arc` of one is a hook, too, for programs that keep it or choose it
/// at run time.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use conductor_hub::protocol::MessageRef;
/// use conductor_hub::{Auth, ChannelHistory, Connection, HistoryConfig, Hooks};
///
/// struct NewsAlone;
///
/// impl Auth for NewsAlone {
///     fn can_bind(&self, _connection: &Connection, message: MessageRef<'_>) -> bool {
///         message.channel == "news"
///     }
/// }
///
/// # fn main() -> Result<(), conductor_hub::Error> {
/// let history = Arc::new(ChannelHistory::new(HistoryConfig::default().messages_max(50))?);
/// let hooks = Hooks::default().auth(NewsAlone).storage(Arc::clone(&history));
/// # drop(hooks);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Hooks {
    pub(crate) auth: Arc<dyn Auth>,
    pub(crate) lifecycle: Arc<dyn Lifecycle>,
    /// Whether the program has set it. Otherwise nothing is kept to be told.
    pub(crate) is_heard: bool,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) storage: Option<Arc<dyn Storage>>,
    pub(crate) deliveries: Option<Arc<dyn Deliveries>>,
    pub(crate) dedup: Option<Arc<dyn Dedup>>,
    pub(crate) throttle: Option<Arc<dyn Throttle>>,
    /// It ends with the hub.
    pub(crate) queue: Option<CallQueue>,
    #[cfg(feature = "sisters")]
    pub(crate) sisters: Option<(SisterConfig, Arc<dyn SisterManager>)>,
}

impl Hooks {
    /// Sets who decides which clients may connect, bind and write.
    ///
    /// By default everybody may connect without a name, bind to any channel, and write to the
    /// channels they are bound to. Set it wherever users have names or channels are not for all.
    #[must_use]
    pub fn auth(self, auth: impl Auth + 'static) -> Self {
        Self { auth: Arc::new(auth), ..self }
    }

    /// Sets who hears of connections as they come, live and go.
    ///
    /// Nobody by default. Set it to tell presence who is there, for one.
    #[must_use]
    pub fn lifecycle(self, lifecycle: impl Lifecycle + 'static) -> Self {
        Self { lifecycle: Arc::new(lifecycle), is_heard: true, ..self }
    }

    /// Sets who answers Server messages.
    ///
    /// They are ignored by default. Set it where clients ask the program something.
    #[must_use]
    pub fn handler(self, handler: impl Handler + 'static) -> Self {
        Self { handler: Arc::new(handler), ..self }
    }

    /// Has Server messages answered by way of a queue, which ends with the hub.
    ///
    /// There is none by default. Set it where answers have to wait for a store or another server. A
    /// [`handler`](Self::handler) that is set behind it takes the messages in its place: it answers
    /// at once what it can, and puts the rest into the queue by itself.
    #[must_use]
    pub fn calls(self, queue: CallQueue) -> Self {
        Self { handler: Arc::new(queue.clone()), queue: Some(queue), ..self }
    }

    /// Sets who keeps what is written to channels.
    ///
    /// Nobody by default. Set it, to a [`ChannelHistory`](crate::ChannelHistory) for one, where a
    /// [`Handler`] gives newcomers what was said before.
    #[must_use]
    pub fn storage(self, storage: impl Storage + 'static) -> Self {
        Self { storage: Some(Arc::new(storage)), ..self }
    }

    /// Sets who hears which member got which message.
    ///
    /// Nobody by default, and then nothing is asked. Set it to count or log deliveries; it is
    /// called for each member of each message.
    #[must_use]
    pub fn deliveries(self, deliveries: impl Deliveries + 'static) -> Self {
        Self { deliveries: Some(Arc::new(deliveries)), ..self }
    }

    /// Sets who tells repeated messages from new ones.
    ///
    /// By default it is a [`StandardDedup`](crate::StandardDedup) of the hub's own
    /// [`Config`](crate::Config). Set it where uuids have to be remembered elsewhere or for longer.
    #[must_use]
    pub fn dedup(self, dedup: impl Dedup + 'static) -> Self {
        Self { dedup: Some(Arc::new(dedup)), ..self }
    }

    /// Sets who bounds what clients send over several connections.
    ///
    /// Nobody by default, and then nothing is asked. Set it where a user, or an address, must not
    /// send more through many connections than through one.
    #[must_use]
    pub fn throttle(self, throttle: impl Throttle + 'static) -> Self {
        Self { throttle: Some(Arc::new(throttle)), ..self }
    }

    /// Makes the hub one of several that pass on what their clients write.
    ///
    /// It is alone by default. The manager dials the sisters:
    /// [`Sisters`](crate::federation::Sisters) those of a list or of a name of DNS. See
    /// [`federation`](crate::federation).
    #[cfg(feature = "sisters")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sisters")))]
    #[must_use]
    pub fn sisters(self, config: SisterConfig, manager: impl SisterManager + 'static) -> Self {
        Self { sisters: Some((config, Arc::new(manager))), ..self }
    }

    /// Tells the lifecycle hook of a change.
    pub(crate) fn tell(&self, connection: &Arc<Connection>, channel: &str, bound: bool, cause: BindCause) {
        if bound {
            self.lifecycle.bound(connection, channel, cause);
        } else {
            self.lifecycle.unbound(connection, channel, cause);
        }
    }
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            auth: Arc::new(()),
            lifecycle: Arc::new(()),
            is_heard: false,
            handler: Arc::new(()),
            storage: None,
            deliveries: None,
            dedup: None,
            throttle: None,
            queue: None,
            #[cfg(feature = "sisters")]
            sisters: None,
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
