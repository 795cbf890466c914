//! Time slots and the bits of beings in them; all of it is pure.

mod bits;
mod sequence;
mod time_slot;
mod window;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use self::bits::SlotBits;
pub(crate) use self::sequence::Sequence;
pub(crate) use self::time_slot::{Period, TimeSlot};
pub(crate) use self::window::Window;
pub(crate) use self::words::Words;
