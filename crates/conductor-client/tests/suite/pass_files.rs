//! The example `pass_files` as its users run it.

use conductor_hub::Hooks;
use test_support::Example;

use crate::support::serve;

#[tokio::test]
async fn a_file_comes_to_the_other_program_byte_for_byte() {
    let (_hub, url) = serve(Hooks::default()).await;
    let folder = tempfile::tempdir().expect("a folder is made");
    let (file, inbox) = (folder.path().join("file"), folder.path().join("inbox"));
    let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&file, &bytes).expect("there is room");
    std::fs::create_dir(&inbox).expect("there is room");
    let path = |path: &std::path::Path| path.display().to_string();

    let mut receiver = Example::start("pass_files", [&*url, "files", "into", &path(&inbox)]);
    assert_eq!(receiver.line().await, "waiting for files");
    let mut sender = Example::start("pass_files", [&*url, "files", "from", &path(&file)]);
    assert_eq!(sender.line().await, "sent 4000000 bytes");
    let stored = receiver.line().await;
    let stored = stored.strip_prefix("stored 4000000 bytes as ").expect("it came whole");
    assert!(std::fs::read(stored).expect("it is there") == bytes, "the files differ");
    assert!(receiver.interrupt().await.success());
}
