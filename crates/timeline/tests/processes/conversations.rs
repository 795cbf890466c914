//! The example `conversations` as its users run it, twice on one directory.

use test_support::Example;

#[tokio::test]
async fn a_program_lists_conversations_corrects_a_message_and_sees_how_far_it_was_read() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    for run in 0..2 {
        let mut program = Example::start("conversations", [data.to_str().unwrap()]);
        let mut lines = Vec::new();
        while lines.last().is_none_or(|last| last != "closed") {
            lines.push(program.line().await);
        }
        assert_eq!(lines[0], "bob has 2 unread, the last is {\"text\":\"bring tea\"}");
        // Each run has two messages, an edit and a recall.
        let (first, second) = (4 * run + 1, 4 * run + 2);
        for line in [
            format!("{first} Edited {{\"text\":\"see you at 9\"}}"),
            format!("{second} Original {{\"text\":\"bring tea\"}}"),
        ] {
            assert!(lines.contains(&line), "{lines:?} lacks {line}");
        }
        let end = [
            format!("bob has read up to {second}"),
            format!("{second} is Recalled, and bob reads {{}}"),
            "bob has 0 unread".to_owned(),
            "closed".to_owned(),
        ];
        assert_eq!(lines[lines.len() - 4..], end);
        assert!(!lines.iter().any(|line| line.contains("see you at 8")), "{lines:?}");
    }
}
