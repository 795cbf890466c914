//! What the original's own tests do, over gRPC with the client of its proto file.

use tests::Tidings;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::client::v1::{ErrorReason, GetGroupHistoryMessageRequest, SendGroupRequest, SyncMessageRequest};
use super::client::{Client, entries, single};
use crate::databases::{Databases, Mode, until_ready};

pub(super) const TO_B: &str = r#"{"text":"hello b"}"#;
pub(super) const TO_A: &str = r#"{"text":"hello a"}"#;
pub(super) const TO_GROUP: [&str; 3] = [r#"{"text":"one"}"#, r#"{"text":"two"}"#, r#"{"text":"three"}"#];
pub(super) const GROUP: &str = "club";
pub(super) const MEMBERS: [&str; 3] = ["a", "c", "d"];

/// What the tests of the original send, in its order, with the sequences that it answers with.
pub(super) async fn play(client: &mut Client) {
    assert_eq!(client.send("a", "b", TO_B).await, 1, "the first that b gets");
    assert_eq!(client.send("b", "a", TO_A).await, 2, "a has the copy of their own");
    for message in TO_GROUP {
        assert_eq!(client.send_group(GROUP, &MEMBERS, message).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_client_of_the_originals_proto_sends_syncs_and_reads_histories() {
    sends_syncs_and_reads_histories(&mut Tidings::start()).await;
}

#[tokio::test]
async fn it_does_the_same_with_messages_in_mongo() {
    for mode in Mode::ALL {
        let Some(databases) = Databases::start(mode).await else { return };
        sends_syncs_and_reads_histories(&mut databases.server(&[]).await).await;
    }
}

async fn sends_syncs_and_reads_histories(server: &mut Tidings) {
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server.start_again();
            until_ready(server).await;
        }
        let client = &mut Client::connect(server).await;
        if !restarted {
            play(client).await;
        }
        // Pages of two, by the loop of the original's clients.
        let [first, second, third] = TO_GROUP;
        assert_eq!(client.sync("d", 0, 2).await, [entries(1, &[first, second]), entries(3, &[third])]);
        // Whoever knows the latest is told of nothing, and a page that ends there is the last.
        assert!(client.sync("d", 3, 2).await.is_empty());
        assert_eq!(client.sync("d", 1, 2).await, [entries(2, &[second, third])]);
        // A position of another store is one of nothing here: the latest is below it.
        let elsewhere = SyncMessageRequest { member: "d".to_owned(), last_read: 40, count: 2 };
        let reply = client.0.get_sync_message(elsewhere).await.unwrap().into_inner();
        assert_eq!((reply.latest_seq, reply.entry_set_last_seq, reply.entry_set.len()), (3, 0, 0));
        for (member, messages) in [
            ("a", &[TO_B, TO_A, first, second, third][..]),
            ("b", &[TO_B, TO_A]),
            ("c", &TO_GROUP),
            // The original answered with an error for somebody who never got anything.
            ("nobody", &[]),
        ] {
            assert_eq!(client.sync(member, 0, 0).await.concat(), entries(1, messages), "{member}");
        }
        for (from, to) in [("a", "b"), ("b", "a")] {
            assert_eq!(client.single_history(from, to).await, entries(1, &[TO_B, TO_A]), "{from}, {to}");
        }
        assert_eq!(client.group_history(GROUP, 0, 10).await, entries(1, &TO_GROUP));
        assert_eq!(client.group_history(GROUP, 1, 1).await, entries(2, &[second]));
    }
}

#[tokio::test]
async fn a_client_of_the_originals_proto_understands_refusals() {
    let server = Tidings::start();
    let Client(mut client) = Client::connect(&server).await;
    let reader = SyncMessageRequest { member: "b".to_owned(), last_read: 0, count: -1 };
    let history = GetGroupHistoryMessageRequest { group: String::new(), last_read: 0, count: 10 };
    let refusals = [
        client.send(single("", "b", "{}")).await.unwrap_err(),
        client.send(single("a", "", "{}")).await.unwrap_err(),
        // The original had counted these by the time that it refused them, with a code of no
        // meaning.
        client.send(single("a", "b", "[1]")).await.unwrap_err(),
        client.send(single("a", "b", "no json")).await.unwrap_err(),
        client.send_group(SendGroupRequest::default()).await.unwrap_err(),
        client.get_sync_message(reader).await.unwrap_err(),
        client.get_group_history_message(history).await.unwrap_err(),
    ];
    for status in refusals {
        // Its clients read the reason from the details.
        let reason = status.get_details_error_info().map(|info| info.reason);
        let expected = ErrorReason::TimelineInvalidParam.as_str_name();
        assert_eq!((status.code(), reason.as_deref()), (Code::InvalidArgument, Some(expected)), "{status}");
        assert!(!status.message().is_empty());
    }
    // No refusal has taken a sequence.
    assert_eq!(client.send(single("a", "b", "{}")).await.unwrap().into_inner().sequence, 1);
}
