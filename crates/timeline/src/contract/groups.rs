//! Laws of groups that the store knows.

use tokio::task::JoinSet;

use super::world::*;
use crate::{
    Config, Count, ErrorKind, Group, GroupName, GroupSummary, MemberId, NewGroup, Role, TITLE_BYTES_MAX,
    Timeline,
};

fn name(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn ids(ids: &[&str]) -> Vec<MemberId> {
    ids.iter().map(|id| member(id)).collect()
}

/// Creates a group of the first of these members, whose owner it is, and the others.
async fn create(timeline: &Timeline, group: &str, members: &[&str]) -> Group {
    let mut members = ids(members).into_iter();
    let new = NewGroup::new(name(group)).title(format!("title of {group}")).owner(members.next());
    timeline.create_group(new.members(members)).await.unwrap()
}

/// The members with their roles; an owner has a star.
fn seats(group: &Group) -> Vec<String> {
    let seat = |role: Role| if role == Role::Owner { "*" } else { "" };
    group.members.iter().map(|known| format!("{}{}", known.member, seat(known.role))).collect()
}

/// Reads a group, which must be there.
async fn read(timeline: &Timeline, group: &str) -> Group {
    timeline.group(&name(group)).await.unwrap().unwrap()
}

/// The names of all groups of a member, read in pages of 3.
async fn groups_of(timeline: &Timeline, id: &str) -> Vec<String> {
    let mut all: Vec<GroupSummary> = Vec::new();
    loop {
        let after = all.last().map(|last| last.name.clone());
        let page = timeline.groups_of(&member(id), after.as_ref(), Count::new(3)).await.unwrap();
        assert!(page.groups.len() == 3 || !page.more, "{page:?}");
        all.extend(page.groups);
        if !page.more {
            return all.into_iter().map(|group| group.name.to_string()).collect();
        }
    }
}

/// A group is there as it was created, and in the list of each of its members.
///
/// The owner is the first member, and one who is named twice is a member once.
pub async fn a_group_is_there_as_it_was_created(world: &dyn World) {
    let timeline = open(world).await;
    assert_eq!(timeline.group(&name("g")).await.unwrap(), None);
    let new = NewGroup::new(name("g")).title("Tea & cake").open(true).owner(member("o"));
    let group = timeline.create_group(new.members(ids(&["b", "o", "a", "b"]))).await.unwrap();
    assert_eq!((group.name.as_str(), group.title.as_str(), group.open), ("g", "Tea & cake", true));
    assert_eq!(seats(&group), ["o*", "b", "a"]);
    assert!(group.created_at_ms > 1_700_000_000_000, "{group:?}");
    assert_eq!(timeline.group(&name("g")).await.unwrap(), Some(group.clone()));
    for (id, role) in [("o", Role::Owner), ("a", Role::Member)] {
        let page = timeline.groups_of(&member(id), None, Count::default()).await.unwrap();
        assert_eq!(page.groups, [GroupSummary::new(name("g"), "Tea & cake".to_owned(), role, 3)]);
        assert!(!page.more);
        assert_eq!(group.role_of(&member(id)), Some(role));
    }
    assert_eq!(group.role_of(&member("x")), None);
    assert!(groups_of(&timeline, "x").await.is_empty(), "a member never heard of");
}

/// A group that exists is a conflict, and stays as it is.
pub async fn creating_a_group_that_exists_changes_nothing(world: &dyn World) {
    let timeline = open(world).await;
    let group = create(&timeline, "g", &["a", "b"]).await;
    let again = NewGroup::new(name("g")).title("other").open(true).owner(member("x"));
    let error = timeline.create_group(again).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(read(&timeline, "g").await, group);
    assert!(groups_of(&timeline, "x").await.is_empty());
}

/// Concurrent creations have one winner, whose group it is.
pub async fn concurrent_creations_of_a_group_have_one_winner(world: &dyn World) {
    let timeline = open(world).await;
    for round in 0..10 {
        let group = name(&format!("g{round}"));
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let (timeline, group) = (timeline.clone(), group.clone());
            let new = NewGroup::new(group).owner(member(&format!("m{number}")));
            tasks.spawn(async move { timeline.create_group(new).await.map_err(|error| error.kind()) });
        }
        let mut won = Vec::new();
        while let Some(result) = tasks.join_next().await {
            match result.unwrap() {
                Ok(group) => won.push(group),
                Err(kind) => assert_eq!(kind, ErrorKind::Conflict),
            }
        }
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(timeline.group(&group).await.unwrap(), won.pop());
    }
}

/// Joining and leaving again changes nothing: not the order, and no role.
///
/// This holds for a part of the list as well.
pub async fn repeated_joins_and_leaves_have_one_effect(world: &dyn World) {
    let timeline = open(world).await;
    create(&timeline, "g", &["a"]).await;
    for _ in 0..2 {
        let group = timeline.join_group(&name("g"), ids(&["c", "b", "c"])).await.unwrap();
        assert_eq!(seats(&group), ["a*", "c", "b"]);
    }
    let group = timeline.join_group(&name("g"), ids(&["b", "d", "a"])).await.unwrap();
    assert_eq!(seats(&group), ["a*", "c", "b", "d"]);
    for _ in 0..2 {
        let group = timeline.leave_group(&name("g"), ids(&["c", "x"])).await.unwrap();
        assert_eq!(seats(&group), ["a*", "b", "d"]);
    }
    assert_eq!(seats(&timeline.join_group(&name("g"), ids(&["c"])).await.unwrap()), ["a*", "b", "d", "c"]);
    assert_eq!(seats(&read(&timeline, "g").await), ["a*", "b", "d", "c"]);
}

/// Concurrent joins and leaves lose nobody, whichever comes first.
pub async fn concurrent_joins_and_leaves_lose_nobody(world: &dyn World) {
    const MEMBERS: usize = 40;
    let timeline = open(world).await;
    create(&timeline, "g", &["owner"]).await;
    let mut tasks = JoinSet::new();
    for number in 0..MEMBERS {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            let own = vec![member(&format!("m{number}"))];
            let group = timeline.join_group(&name("g"), own.clone()).await.unwrap();
            assert_eq!(group.role_of(&own[0]), Some(Role::Member));
            if number % 4 == 0 {
                let group = timeline.leave_group(&name("g"), own.clone()).await.unwrap();
                assert_eq!(group.role_of(&own[0]), None);
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let group = read(&timeline, "g").await;
    assert_eq!(group.members.len(), 1 + MEMBERS - MEMBERS / 4);
    for number in 0..MEMBERS {
        let id = format!("m{number}");
        let inside = number % 4 != 0;
        assert_eq!(group.role_of(&member(&id)).is_some(), inside, "{id}");
        assert_eq!(groups_of(&timeline, &id).await.is_empty(), !inside, "{id}");
    }
}

/// When the last owner leaves, the member who joined first becomes the owner.
///
/// While another owner is there, nobody does.
pub async fn the_first_member_becomes_owner_when_the_last_owner_leaves(world: &dyn World) {
    let timeline = open(world).await;
    create(&timeline, "g", &["a", "d", "c", "b"]).await;
    let group = timeline.leave_group(&name("g"), ids(&["a"])).await.unwrap();
    assert_eq!(seats(&group), ["d*", "c", "b"]);
    timeline.set_group_role(&name("g"), &member("b"), Role::Owner).await.unwrap();
    let group = timeline.leave_group(&name("g"), ids(&["d"])).await.unwrap();
    assert_eq!(seats(&group), ["c", "b*"]);
    let group = timeline.leave_group(&name("g"), ids(&["b"])).await.unwrap();
    assert_eq!(seats(&group), ["c*"]);
    assert_eq!(read(&timeline, "g").await, group);
    let page = timeline.groups_of(&member("c"), None, Count::default()).await.unwrap();
    assert_eq!(page.groups[0].role, Role::Owner, "the list says so, too");
}

/// A group that everybody left stays, with its title, and is nobody's.
///
/// Who joins it is a plain member, and it cannot be created again.
pub async fn an_empty_group_stays_and_is_nobodys(world: &dyn World) {
    let timeline = open(world).await;
    let before = create(&timeline, "g", &["a", "b"]).await;
    let group = timeline.leave_group(&name("g"), ids(&["b", "a"])).await.unwrap();
    assert_eq!((group.members.len(), group.has_owner()), (0, false));
    assert_eq!((&group.title, group.created_at_ms), (&before.title, before.created_at_ms));
    assert_eq!(read(&timeline, "g").await, group);
    assert!(groups_of(&timeline, "a").await.is_empty());
    let again = timeline.create_group(NewGroup::new(name("g")).owner(member("a"))).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(seats(&timeline.join_group(&name("g"), ids(&["a", "b"])).await.unwrap()), ["a", "b"]);
    assert_eq!(seats(&timeline.leave_group(&name("g"), ids(&["a"])).await.unwrap()), ["b"]);
    let group = timeline.set_group_role(&name("g"), &member("b"), Role::Owner).await.unwrap();
    assert_eq!(seats(&group), ["b*"]);
}

/// A new title changes nothing but the title, and the history stays where it is.
pub async fn renaming_a_group_changes_its_title_only(world: &dyn World) {
    let timeline = open(world).await;
    let before = create(&timeline, "g", &["a", "b"]).await;
    timeline.send_group(group_send("g", &["a"], 1)).await.unwrap();
    let renamed = timeline.rename_group(&name("g"), "Tea").await.unwrap();
    assert_eq!(renamed, Group { title: "Tea".to_owned(), ..before });
    assert_eq!(read(&timeline, "g").await, renamed);
    let page = timeline.groups_of(&member("b"), None, Count::default()).await.unwrap();
    assert_eq!(page.groups, [GroupSummary::new(name("g"), "Tea".to_owned(), Role::Member, 2)]);
    assert_eq!(history(&timeline, &group("g")).await, texts([1]));
    assert_eq!(timeline.rename_group(&name("g"), "").await.unwrap().title, "");
}

/// A group that has an owner keeps one, and only members have roles.
pub async fn a_role_that_is_set_leaves_an_owner(world: &dyn World) {
    let timeline = open(world).await;
    let before = create(&timeline, "g", &["a", "b"]).await;
    let set = async |id, role| {
        let set = timeline.set_group_role(&name("g"), &member(id), role).await;
        set.map(|group| seats(&group)).map_err(|error| error.kind())
    };
    assert_eq!(set("a", Role::Member).await, Err(ErrorKind::Conflict));
    assert_eq!(set("x", Role::Owner).await, Err(ErrorKind::NotFound));
    assert_eq!(read(&timeline, "g").await, before);
    for _ in 0..2 {
        assert_eq!(set("b", Role::Owner).await.unwrap(), ["a*", "b*"]);
    }
    assert_eq!(set("a", Role::Member).await.unwrap(), ["a", "b*"]);
    assert_eq!(set("b", Role::Member).await, Err(ErrorKind::Conflict));
    assert_eq!(seats(&read(&timeline, "g").await), ["a", "b*"]);
}

/// A group that the store does not know cannot be changed, whatever was sent to it.
pub async fn an_unknown_group_is_not_found(world: &dyn World) {
    let timeline = open(world).await;
    timeline.send_group(group_send("g", &["a"], 1)).await.unwrap();
    let g = name("g");
    let results = [
        timeline.join_group(&g, ids(&["a"])).await,
        timeline.leave_group(&g, ids(&["a"])).await,
        timeline.rename_group(&g, "t").await,
        timeline.set_group_role(&g, &member("a"), Role::Owner).await,
    ];
    for result in results {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(timeline.group(&g).await.unwrap(), None);
    assert!(groups_of(&timeline, "a").await.is_empty());
    create(&timeline, "g", &["a"]).await;
    assert_eq!(history(&timeline, &group("g")).await, texts([1]));
}

/// Titles and numbers of members out of bounds are refused.
///
/// Nobody of a list joins that has too many.
pub async fn groups_out_of_bounds_leave_no_trace(world: &dyn World) {
    let config = Config::default().group_members_max(3);
    let timeline = Timeline::start(config, world.start().await).unwrap();
    let invalid = ErrorKind::InvalidInput;
    for title in ["a\nb".to_owned(), "x".repeat(TITLE_BYTES_MAX + 1)] {
        let new = NewGroup::new(name("g")).title(title);
        assert_eq!(timeline.create_group(new).await.unwrap_err().kind(), invalid);
    }
    let new = NewGroup::new(name("g")).owner(member("a")).members(ids(&["b", "c", "d"]));
    assert_eq!(timeline.create_group(new).await.unwrap_err().kind(), invalid);
    assert_eq!(timeline.group(&name("g")).await.unwrap(), None);
    assert!(groups_of(&timeline, "b").await.is_empty());

    let before = create(&timeline, "g", &["a", "b"]).await;
    for members in [&[][..], &["c", "d"], &["c", "d", "e", "f"]] {
        assert_eq!(timeline.join_group(&name("g"), ids(members)).await.unwrap_err().kind(), invalid);
    }
    assert_eq!(timeline.leave_group(&name("g"), Vec::new()).await.unwrap_err().kind(), invalid);
    assert_eq!(timeline.rename_group(&name("g"), "\u{7f}").await.unwrap_err().kind(), invalid);
    assert_eq!(read(&timeline, "g").await, before);
    assert!(groups_of(&timeline, "c").await.is_empty());
    assert_eq!(seats(&timeline.join_group(&name("g"), ids(&["b", "c", "a"])).await.unwrap()).len(), 3);
    let title = "x".repeat(TITLE_BYTES_MAX);
    assert_eq!(timeline.rename_group(&name("g"), &title).await.unwrap().title, title);
}

/// The groups of a member are paged by name, and the bound is exclusive.
///
/// A page begins behind `after` also where that is no group of the member.
pub async fn groups_of_a_member_are_paged_by_name(world: &dyn World) {
    let timeline = open(world).await;
    for group in ["d", "ab", "c", "a", "b", "a b", "ä"] {
        create(&timeline, group, &["m"]).await;
    }
    create(&timeline, "aa", &["other"]).await;
    assert_eq!(groups_of(&timeline, "m").await, ["a", "a b", "ab", "b", "c", "d", "ä"]);
    let page = async |after: &str, count| {
        let (after, count) = (name(after), Count::new(count));
        let page = timeline.groups_of(&member("m"), Some(&after), count).await.unwrap();
        let names: Vec<_> = page.groups.iter().map(|group| group.name.to_string()).collect();
        (names.join(","), page.more)
    };
    assert_eq!(page("aa", 2).await, ("ab,b".to_owned(), true));
    assert_eq!(page("b", 3).await, ("c,d,ä".to_owned(), false));
    assert_eq!(page("b", 2).await, ("c,d".to_owned(), true));
    assert_eq!(page("ä", 2).await, (String::new(), false));
    let first = timeline.groups_of(&member("m"), None, Count::new(1)).await.unwrap();
    assert_eq!((first.groups[0].name.as_str(), first.more), ("a", true));
}

/// A list of groups has a join and a leave as soon as they were answered.
pub async fn a_list_of_groups_has_a_join_and_a_leave_at_once(world: &dyn World) {
    let timeline = open(world).await;
    create(&timeline, "g", &["a"]).await;
    create(&timeline, "h", &["a"]).await;
    for _ in 0..10 {
        timeline.join_group(&name("g"), ids(&["b"])).await.unwrap();
        assert_eq!(groups_of(&timeline, "b").await, ["g"]);
        let page = timeline.groups_of(&member("a"), None, Count::default()).await.unwrap();
        assert_eq!(page.groups.iter().map(|group| group.members).collect::<Vec<_>>(), [2, 1]);
        timeline.leave_group(&name("g"), ids(&["b"])).await.unwrap();
        assert!(groups_of(&timeline, "b").await.is_empty());
    }
}

/// Groups and members share nothing, whatever their ids are.
///
/// Neither do groups, histories and inboxes.
pub async fn groups_whose_ids_look_alike_share_nothing(world: &dyn World) {
    let timeline = open(world).await;
    for (group, members) in [("g", ["a", "b"]), ("g:a", ["b", "ab"]), ("ga", ["a:b", "g"]), ("a", ["g", "b"])]
    {
        create(&timeline, group, &members).await;
    }
    for (id, groups) in [
        ("a", &["g"][..]),
        ("b", &["a", "g", "g:a"][..]),
        ("ab", &["g:a"][..]),
        ("a:b", &["ga"][..]),
        ("g", &["a", "ga"][..]),
        ("ga", &[][..]),
    ] {
        assert_eq!(groups_of(&timeline, id).await, groups, "{id}");
    }
    timeline.leave_group(&name("g"), ids(&["a", "b"])).await.unwrap();
    assert_eq!(seats(&read(&timeline, "g:a").await), ["b*", "ab"]);
    assert_eq!(seats(&read(&timeline, "ga").await), ["a:b*", "g"]);
    assert_eq!(groups_of(&timeline, "b").await, ["a", "g:a"]);
    assert_eq!(timeline.group(&name("b")).await.unwrap(), None);
    send(&timeline, "g", "a", 1).await;
    assert!(history(&timeline, &group("g")).await.is_empty());
    assert_eq!(inbox(&timeline, "g").await, texts([1]));
}

/// Groups, roles and lists are there after opening again.
///
/// They are as the last change left them.
pub async fn groups_are_there_after_opening_again(world: &dyn World) {
    let timeline = open(world).await;
    create(&timeline, "g", &["a", "b", "c"]).await;
    create(&timeline, "h", &["b"]).await;
    timeline.leave_group(&name("g"), ids(&["a"])).await.unwrap();
    timeline.join_group(&name("g"), ids(&["d"])).await.unwrap();
    let before = timeline.rename_group(&name("g"), "Tea").await.unwrap();
    assert!(timeline.shutdown(GRACE).await);

    let timeline = open(world).await;
    assert_eq!(read(&timeline, "g").await, before);
    assert_eq!(seats(&before), ["b*", "c", "d"]);
    assert_eq!(groups_of(&timeline, "b").await, ["g", "h"]);
    assert!(groups_of(&timeline, "a").await.is_empty());
    let group = timeline.leave_group(&name("g"), ids(&["b"])).await.unwrap();
    assert_eq!(seats(&group), ["c*", "d"]);
}

/// Every call about groups fails after a shutdown.
///
/// The kind of the errors is [`Closed`](crate::ErrorKind::Closed).
pub async fn a_closed_store_says_so_of_groups_too(world: &dyn World) {
    let timeline = open(world).await;
    create(&timeline, "g", &["a"]).await;
    assert!(timeline.shutdown(GRACE).await);
    let (g, closed) = (name("g"), ErrorKind::Closed);
    let changes = [
        timeline.create_group(NewGroup::new(name("h"))).await,
        timeline.join_group(&g, ids(&["b"])).await,
        timeline.leave_group(&g, ids(&["a"])).await,
        timeline.rename_group(&g, "t").await,
        timeline.set_group_role(&g, &member("a"), Role::Owner).await,
    ];
    for change in changes {
        assert_eq!(change.unwrap_err().kind(), closed);
    }
    assert_eq!(timeline.group(&g).await.unwrap_err().kind(), closed);
    let list = timeline.groups_of(&member("a"), None, Count::default()).await;
    assert_eq!(list.unwrap_err().kind(), closed);
}
