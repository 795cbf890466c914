//! What calls say about one name.

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Beat {
    /// Whether the name came online by it.
    pub arrived: bool,
    /// Whether its arrival is settled.
    pub settled: bool,
}

/// What kind of device has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndedDevice {
    /// No device that is known here.
    Unknown,
    /// A device that beat, or that had beaten and was not forgotten yet.
    Beating,
    /// A device that was held.
    Held,
}

/// A name that is online.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnlineName<N> {
    /// The name.
    pub name: N,
    /// Whether a device is held, so that there is no deadline.
    pub held: bool,
}
