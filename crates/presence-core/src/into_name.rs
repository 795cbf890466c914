//! What calls take where they need a name.

use crate::name::InvalidName;

/// Anything that can become a name: an [`Id`], a [`Room`] or a [`Device`].
///
/// That is text, by value or by reference, which is checked, and a name that was checked before. It
/// is implemented for whatever converts into the name with an error that says [`InvalidName`], so
/// that a type of one's own only needs its `TryFrom`.
///
/// ```
/// use presence_core::{Id, InvalidName, IntoName};
///
/// fn greet(who: impl IntoName<Id>) -> Result<String, InvalidName> {
///     Ok(format!("hello {}", who.into_name()?))
/// }
///
/// assert_eq!(greet("alice")?, "hello alice");
/// assert_eq!(greet(&Id::new("bob")?)?, "hello bob");
/// assert!(greet(String::new()).is_err());
/// # Ok::<(), InvalidName>(())
/// ```
///
/// [`Device`]: crate::Device
/// [`Id`]: crate::Id
/// [`Room`]: crate::rooms::Room
pub trait IntoName<N> {
    /// Checks what has not been checked yet.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] if it is not a valid name.
    fn into_name(self) -> Result<N, InvalidName>;
}

impl<N, T> IntoName<N> for T
where
    T: TryInto<N, Error: Into<InvalidName>>,
{
    fn into_name(self) -> Result<N, InvalidName> {
        self.try_into().map_err(Into::into)
    }
}
