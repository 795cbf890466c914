//! Joins, which are in the group and in the lists of its members.

use timeline::{Count, GroupName, NewGroup, Timeline};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::child::{Call, orders, run_and_kill, say_acknowledged};
use crate::{GRACE, member, open};

/// The part of the killed process: joins, says each member once the join is acknowledged, and waits
/// to be killed.
#[test]
fn child() {
    let Some((directory, round)) = orders() else { return };
    Runtime::new().unwrap().block_on(async {
        let timeline = open(&directory).await;
        let mut joining = JoinSet::new();
        for task in 0..4 {
            joining.spawn(join_until_killed(timeline.clone(), format!("{round}-{task}")));
        }
        while joining.join_next().await.is_some() {}
    });
}

async fn join_until_killed(timeline: Timeline, name: String) {
    // Without an end the group would be full, and the child die by itself, before a busy machine
    // comes to kill it: 3 rounds of 4 tasks fit into the 1,000 members of a group.
    for number in 0..80 {
        let call = Call { kind: "join", id: format!("{name}-{number}") };
        timeline.join_group(&known(), vec![member(&call.id)]).await.unwrap();
        say_acknowledged(&call);
    }
    std::future::pending::<()>().await;
}

/// The group that members join.
fn known() -> GroupName {
    GroupName::new("known").unwrap()
}

#[tokio::test]
async fn acknowledged_joins_survive_kill_9_in_the_group_and_in_the_lists() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(directory.path()).await;
    timeline.create_group(NewGroup::new(known()).owner(member("owner"))).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    let mut acknowledged = Vec::new();
    for (round, calls) in [1, 40, 100].into_iter().enumerate() {
        let is_enough = move |answers: usize| answers >= calls;
        let said = run_and_kill("joins::child", directory.path(), round, is_enough).await;
        acknowledged.extend(said.acknowledged);
        let timeline = open(directory.path()).await;
        let group = timeline.group(&known()).await.unwrap().unwrap();
        for call in &acknowledged {
            assert!(group.role_of(&member(&call.id)).is_some(), "{call} was acknowledged");
        }
        // A join is in the group and in the list of the member, or in neither.
        for joined in &group.members {
            let page = timeline.groups_of(&joined.member, None, Count::default()).await.unwrap();
            assert_eq!((page.groups.len(), page.more), (1, false), "{}", joined.member);
            assert_eq!(page.groups[0].members as usize, group.members.len());
        }
        assert!(timeline.shutdown(GRACE).await);
    }
}
