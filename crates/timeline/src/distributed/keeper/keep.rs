//! How the entries of a box are kept.

use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::shared::Shared;
use crate::{Keep, Retention};

/// Returns how the entries of a box are kept.
///
/// Those of a history of the Go service are all kept if nobody can say whose they are.
pub(super) fn keep_of(shared: &Shared, boxed: &BoxId) -> Keep {
    of_retention(&shared.config.retention, boxed)
}

/// Returns the same for a store that has this retention.
pub(in crate::distributed) fn of_retention(retention: &Retention, boxed: &BoxId) -> Keep {
    match boxed.side() {
        Side::Inbox => retention.of_inboxes(),
        // Most stores keep everything, and need not look at the name.
        Side::History if *retention == Retention::new() => Keep::everything(),
        Side::History => {
            boxed.to_conversation().map_or_else(Keep::everything, |history| retention.of_history(&history))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, GroupName, MemberId};

    #[test]
    fn each_box_is_kept_as_the_retention_says_of_its_kind() {
        let keep = |entries| Keep::everything().entries(entries);
        let retention = Retention::new().inboxes(keep(1)).pairs(keep(2)).groups_named("news:", keep(3));
        let member = |id| MemberId::new(id).unwrap();
        let pair = BoxId::history(&Conversation::single(member("a"), member("b")));
        let group = |name| BoxId::history(&Conversation::group(GroupName::new(name).unwrap()));
        assert_eq!(of_retention(&retention, &BoxId::inbox(&member("news:a"))), keep(1));
        assert_eq!(of_retention(&retention, &pair), keep(2));
        assert_eq!(of_retention(&retention, &group("news:a")), keep(3));
        assert_eq!(of_retention(&retention, &group("tea")), Keep::everything());
        let unclear = BoxId::stored(Side::History, "seq:a:b:c");
        assert_eq!(of_retention(&retention, &unclear), Keep::everything());
        assert_eq!(of_retention(&Retention::new(), &pair), Keep::everything());
    }
}
