//! Whether clients come back: the ranges of close codes.

/// Whether a client connects again by itself once it was disconnected.
///
/// The range of a close code decides it, so that a client knows what to do about a code that is
/// newer than itself:
///
/// | codes | a client |
/// |---|---|
/// | below 4000 | comes back after a delay, but for 1000, 1002, 1007 and 1009 |
/// | 4000 to 4099 | stays away, but for 4000 and 4001; no more codes are added here |
/// | 4100 to 4199 | comes back after a delay |
/// | 4200 to 4299 | comes back at once |
/// | 4300 to 4899 | stays away; from 4400 on nothing has a number yet |
/// | 4900 to 4999 | stays away unless it knows the code: these are the program's own |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reconnect {
    /// It stays away until its user wants to come back.
    Never,
    /// It comes back at once; after a delay if it came back at once just before.
    AtOnce,
    /// It comes back after a random delay, which grows with each attempt that fails.
    Backoff,
}

impl Reconnect {
    /// Returns what a client does about a close code, also one that it does not know.
    #[must_use]
    pub const fn of_code(code: u16) -> Self {
        // `cargo xtask tidy` reads these rows and compares them with docs/close-codes.md.
        match code {
            1000 | 1002 | 1007 | 1009 => Self::Never,
            0..=3999 | 4000..=4001 | 4100..=4199 => Self::Backoff,
            4200..=4299 => Self::AtOnce,
            _ => Self::Never,
        }
    }
}
