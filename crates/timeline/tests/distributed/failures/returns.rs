//! Members who leave a group and come back while a send from before is still under way.

use std::time::Duration;

use timeline::{GroupName, NewGroup};

use super::scene::{Scene, member, send_group, started, tea};
use crate::place::PATIENCE;

/// The rows of a send are written when its member has left and is back by another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_is_entered_late_shows_nothing_of_an_absence() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let (one, other) = (started(scene.config("one").timeout(PATIENCE)).await, scene.node("other").await);
    let (name, m1) = (GroupName::new("tea").unwrap(), member("m1"));
    let new = NewGroup::new(name.clone()).owner(member("m0")).members([m1.clone()]);
    other.create_group(new).await.unwrap();
    let held = scene.hold("one", "update", "chat_rows", Duration::from_secs(5)).await;
    let late = send_group(&one, 2, "before");
    let meanwhile = async {
        held.arrived().await;
        other.leave_group(&name, vec![m1.clone()]).await.unwrap();
        send_group(&other, 1, "absent").await.unwrap();
        send_group(&other, 2, "back").await.unwrap();
        other.unread(&m1, &tea()).await.unwrap()
    };
    let (late, unread) = tokio::join!(late, meanwhile);
    scene.let_go().await;
    assert_eq!((late.unwrap().place.get(), unread.get()), (1, 1));
    assert_eq!(other.unread(&m1, &tea()).await.unwrap().get(), 1, "the late one has changed that");
    assert!(!other.view(&m1, &tea()).await.unwrap().unwrap().has_left);
    assert!(one.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}
