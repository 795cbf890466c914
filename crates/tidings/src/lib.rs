//! The realtime half of a chat product: presence, timelines and a WebSocket hub.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "hub")]
#[doc(inline)]
pub use conductor_hub as hub;
#[cfg(feature = "presence")]
#[doc(inline)]
pub use presence_core as presence;
#[cfg(feature = "timeline")]
#[doc(inline)]
pub use timeline;
