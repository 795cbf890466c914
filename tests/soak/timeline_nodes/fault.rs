//! Why a soak ends before its time.

/// A promise that was broken, or something that failed beside the store.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;
