//! Laws of the state of a store.

use super::world::*;
use crate::State;

/// The state is well while the store serves, and down once it is shut down.
///
/// A caller that waits for a change is woken.
pub async fn the_state_is_well_until_the_store_is_closed(world: &dyn World) {
    let timeline = open(world).await;
    let mut state = timeline.state();
    assert_eq!(*state.borrow_and_update(), State::Well);
    send(&timeline, "a", "b", 1).await;
    assert!(!state.has_changed().unwrap(), "a send changes nothing");
    assert!(timeline.shutdown(GRACE).await);
    state.changed().await.unwrap();
    assert!(matches!(&*state.borrow(), State::Down { reason } if !reason.is_empty()));
    let timeline = open(world).await;
    assert!(timeline.state().borrow().is_well());
}
