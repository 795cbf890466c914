//! What happens when a program does not read what came.

/// What happens when a subscription has as much to read as it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// The oldest event goes, and the subscription is told how many went.
    #[default]
    DropOldest,
    /// The client reads nothing from the hub until there is room again.
    ///
    /// Nothing is lost between the two, but calls and other subscriptions wait as well, and so do
    /// a reconnect and the end of a shutdown. What the program sends goes on. A hub that cannot
    /// send for long closes the connection, with code 4000.
    Wait,
    /// The subscription is closed, with an error of kind `Overflow`.
    Close,
}
