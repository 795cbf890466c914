//! Who has left a group or was forgotten by way of another node.

use crate::distributed::shared::Shared;

/// Takes in what another node has said, also of members whose rows are known here.
///
/// So the next send to one of them enters the row again. It is only sooner by that: what is known
/// of a row ends by itself.
pub(super) fn hear(shared: &Shared, text: &[u8]) {
    let Some(heard) = shared.teller.hear(text) else { return };
    if !heard.left.is_empty() {
        shared.rows.left(&heard.left);
    }
    if !heard.forgotten.is_empty() {
        shared.rows.forget(&heard.forgotten);
    }
}
