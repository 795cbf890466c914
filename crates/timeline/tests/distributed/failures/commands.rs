//! Every command on the entries names the boxes that it is about.
//!
//! Where the collections are sharded by `id`, any other command would ask every shard.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use timeline::distributed::Config;
use timeline::{Conversation, Count, GroupName, Keep, NewGroup, PageRequest, Retention, Seq, Timeline};
use tokio::time::timeout;

use super::mortal::Mortal;
use super::scene::{
    Scene, follow, group_message, history, history_with, inbox, member, send, send_group, seq, started, tea,
    text, until_done,
};
use crate::place::PATIENCE;

/// How many members the group has.
const MEMBERS: usize = 5;

/// How many entries of the group are kept.
const KEPT: u64 = 5;

/// Does all that a store can do, also what it does by itself after a while.
async fn work(scene: &Scene) {
    let retention = Retention::new().groups_named("tea", Keep::everything().entries(KEPT));
    let node = started(scene.config("one").retention(retention.clone())).await;
    let (ann, bob) = (member("ann"), member("bob"));
    let pair = Conversation::single(ann.clone(), bob.clone());
    for number in 0..5 {
        send(&node, "ann", "bob", &format!("b{number}")).await.unwrap();
    }
    // A repetition.
    send(&node, "ann", "bob", "b0").await.unwrap();
    node.create_group(NewGroup::new(group_message(1, "g").group).members([member("m0")])).await.unwrap();
    send_group(&node, MEMBERS, "g0").await.unwrap();
    // One whose name must have no history.
    let claimed = NewGroup::new(GroupName::new("claimed").unwrap()).members([member("m0")]);
    node.create_group(claimed.without_history(true)).await.unwrap();

    changes(&node, &pair).await;
    reads(&node, &pair).await;
    hole(scene, &node).await;
    expires(&node).await;

    node.ack(&bob, seq(3)).await.unwrap();
    send(&node, "ann", "bob", "after").await.unwrap();
    dead_nodes(scene, scene.config("dying").retention(retention.clone()), &node).await;
    node.delete_member(&ann).await.unwrap();
    assert!(node.shutdown(PATIENCE).await);
    // A node that begins knows nothing yet.
    let config = scene.config("two").retention(retention).histories_from_secondaries(true);
    let node = started(config).await;
    send(&node, "ann", "bob", "b5").await.unwrap();
    inbox(&node, &bob).await;
    history(&node, &pair).await;
    node.history(&pair, PageRequest::before(Seq::ZERO, Count::new(2))).await.unwrap();
    assert!(node.shutdown(PATIENCE).await);
}

async fn changes(node: &Timeline, pair: &Conversation) {
    let by = || Some(member("ann"));
    node.edit(pair, seq(1), by(), text("new")).await.unwrap();
    node.edit(pair, seq(1), by(), text("newer")).await.unwrap();
    node.recall(pair, seq(2), by()).await.unwrap();
    node.delete_message(pair, seq(3), None).await.unwrap();
}

async fn reads(node: &Timeline, pair: &Conversation) {
    let (ann, bob) = (member("ann"), member("bob"));
    inbox(node, &bob).await;
    history(node, pair).await;
    for page in [
        PageRequest::before(Seq::ZERO, Count::new(2)),
        PageRequest::before(seq(4), Count::new(2)),
        PageRequest::after(seq(2), Count::new(2)),
        PageRequest::since(1, Count::new(2)),
        PageRequest::until(u64::from(u32::MAX) * 1_000, Count::new(2)),
    ] {
        node.history(pair, page).await.unwrap();
    }
    node.read(&bob, pair, seq(2)).await.unwrap();
    node.read_of(pair, &[ann.clone(), bob.clone()]).await.unwrap();
    node.received(&bob, seq(2)).await.unwrap();
    node.received_of(&bob).await.unwrap();
    node.view(&bob, pair).await.unwrap();
    node.unread_of(&bob, None, Count::new(10)).await.unwrap();
    node.conversations(&bob, None, Count::new(10)).await.unwrap();
    node.clear(&ann, pair).await.unwrap();
}

/// Has a hole be closed.
async fn hole(scene: &Scene, node: &Timeline) {
    let last = inbox(node, &member("bob")).await.last().unwrap().sequence;
    let entry = doc! {
        "id": "bob",
        "seq": last.to_i64() + 2,
        "message": "{}",
        "from": "ann",
        "to": "bob",
        "at": 1_700_000_000_000_i64,
        "mid": "late",
    };
    scene.command(doc! { "insert": "chat_sync", "documents": [entry] }).await;
    follow(&mut node.watch(&member("bob"), last), "late").await;
}

/// Has the history of the group lose what is beyond what is kept.
async fn expires(node: &Timeline) {
    for number in 1..3 * KEPT {
        let id = format!("g{number}");
        until_done(|| send_group(node, MEMBERS, &id)).await;
    }
    history_with(node, &tea(), &format!("g{}", 3 * KEPT - 1)).await;
    let expired = timeout(PATIENCE, async {
        loop {
            let page = node.history(&tea(), PageRequest::after(Seq::ZERO, Count::new(1))).await.unwrap();
            if page.floor > Seq::ZERO {
                return;
            }
        }
    });
    expired.await.expect("retention removes what is too much");
}

/// Has a node end what others had begun that died.
///
/// The second time the group is purged before that.
async fn dead_nodes(scene: &Scene, config: Config, node: &Timeline) {
    for (id, is_purged) in [("dead", false), ("gone", true)] {
        let known = busy_nodes(scene).await;
        let mut dying = Mortal::start(config.clone()).await;
        let blocked = scene.block_for("dying", "insert", "chat_sync", Duration::from_secs(5)).await;
        dying.send_group(group_message(MEMBERS, id));
        blocked.arrived().await;
        dying.die();
        let busy = busy_nodes(scene).await;
        let dead: Vec<_> = busy.into_iter().filter(|node| !known.contains(node)).collect();
        assert!(!dead.is_empty(), "the dead node has noted what it had begun");
        if is_purged {
            node.purge(&tea()).await.unwrap();
        }
        let ended = async { while busy_nodes(scene).await.iter().any(|node| dead.contains(node)) {} };
        timeout(PATIENCE, ended).await.expect("what the dead node had begun is ended");
    }
}

/// Returns the nodes that have noted something as begun.
async fn busy_nodes(scene: &Scene) -> Vec<Bson> {
    let answer = scene.command(doc! { "distinct": "chat_intents", "key": "node" }).await;
    answer.get_array("values").unwrap().clone()
}

/// Returns whether a filter names the boxes, in each branch of an `$or`.
fn names_boxes(filter: &Document) -> bool {
    let by_id = filter.get("id").is_some_and(|id| match id {
        Bson::String(_) => true,
        Bson::Document(operators) => operators.contains_key("$eq") || operators.contains_key("$in"),
        _ => false,
    });
    let documents = |name: &str| {
        let parts = filter.get_array(name).map(Vec::as_slice).unwrap_or_default();
        parts.iter().filter_map(Bson::as_document).collect::<Vec<_>>()
    };
    let (all, any) = (documents("$and"), documents("$or"));
    by_id
        || all.iter().any(|part| names_boxes(part))
        || (!any.is_empty() && any.iter().all(|branch| names_boxes(branch)))
}

/// Returns the filter of a command as the profiler notes it; `None` for those that have none.
fn filter_of(command: &Document) -> Option<Document> {
    let document = |name: &str| command.get_document(name).cloned().unwrap_or_default();
    let first = command.keys().next().map_or("", String::as_str);
    match first {
        // Of an update or a removal with several parts each is noted by itself.
        "update" | "delete" => None,
        "insert" | "createIndexes" | "create" | "listIndexes" | "getMore" => None,
        // Such a part.
        "q" => Some(document("q")),
        "find" => Some(document("filter")),
        "aggregate" => {
            let stage = command.get_array("pipeline").ok()?.first().and_then(Bson::as_document);
            Some(stage.and_then(|stage| stage.get_document("$match").ok()).cloned().unwrap_or_default())
        }
        // Those that change, count, tell apart.
        _ => Some(document("query")),
    }
}

/// What is looked at of a command: its name, and its filter. The rest would be too much to read.
const SHOWN: [&str; 17] = [
    "insert",
    "createIndexes",
    "create",
    "listIndexes",
    "getMore",
    "update",
    "delete",
    "find",
    "filter",
    "aggregate",
    "pipeline",
    "q",
    "findAndModify",
    "count",
    "distinct",
    "query",
    "explain",
];

/// The nodes whose commands are looked at.
const NODES: [&str; 2] = ["one", "two"];

/// Notes all commands of the nodes on the database from now on.
async fn profile(scene: &Scene) {
    const BYTES: i64 = 64 << 20;
    scene.command(doc! { "create": "system.profile", "capped": true, "size": BYTES }).await;
    // What the test itself asks, again and again, would drive others out.
    let of_nodes = doc! { "appName": { "$in": NODES.to_vec() } };
    scene.command(doc! { "profile": 2, "filter": of_nodes }).await;
}

/// Returns what was noted of commands on the entries.
async fn noted(scene: &Scene) -> Vec<Document> {
    scene.command(doc! { "profile": 0 }).await;
    let namespaces = ["chat_sync", "chat_history"].map(|name| format!("{}.{name}", scene.database));
    let filter = doc! { "ns": { "$in": namespaces.to_vec() }, "appName": { "$in": NODES.to_vec() } };
    let mut fields = doc! { "ns": 1, "op": 1 };
    for field in SHOWN {
        fields.insert(format!("command.{field}"), 1);
    }
    let find =
        doc! { "find": "system.profile", "filter": filter, "projection": fields, "batchSize": 100_000 };
    let answer = scene.command(find).await;
    let cursor = answer.get_document("cursor").unwrap();
    assert_eq!(cursor.get_i64("id").unwrap(), 0, "all of them are in one answer");
    let noted = cursor.get_array("firstBatch").unwrap();
    noted.iter().map(|noted| noted.as_document().unwrap().clone()).collect()
}

async fn all_name_their_boxes(scene: &Scene) {
    profile(scene).await;
    timeout(PATIENCE + Duration::from_secs(30), work(scene)).await.unwrap();
    let noted = noted(scene).await;
    assert!(noted.len() > 50, "only {} commands were noted", noted.len());
    for noted in noted {
        let command = noted.get_document("command").unwrap();
        if let Some(filter) = filter_of(command) {
            assert!(names_boxes(&filter), "a command without the `id` of a box: {noted}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_name_their_boxes_without_redis() {
    let Some(scene) = Scene::on_mongo().await else { return };
    all_name_their_boxes(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_name_their_boxes_with_redis() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    all_name_their_boxes(&scene).await;
}

#[test]
fn a_filter_names_boxes_in_each_branch() {
    for good in [
        doc! { "id": "a", "seq": 1 },
        doc! { "id": { "$in": ["a", "b"] } },
        doc! { "$or": [{ "id": "a", "seq": 0 }, { "id": { "$eq": "a" } }] },
        doc! { "$and": [{ "seq": 1 }, { "id": "a" }] },
    ] {
        assert!(names_boxes(&good), "{good}");
    }
    for bad in [
        doc! {},
        doc! { "seq": 1 },
        doc! { "id": { "$gt": "a" } },
        doc! { "$or": [{ "id": "a" }, { "seq": 1 }] },
        doc! { "$or": [] },
    ] {
        assert!(!names_boxes(&bad), "{bad}");
    }
}
