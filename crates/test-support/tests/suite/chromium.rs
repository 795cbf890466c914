//! The browser that page tests use.

use std::net::SocketAddr;

use test_support::Chromium;
use test_support::ErrorKind;
use test_support::Viewport;
use test_support::require;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

const PAGE: &str = "<!doctype html><meta name=viewport content='width=device-width'><title>t</title>
    <style>body{background:white}@media(prefers-color-scheme:dark){body{background:black}}</style>
    <input id=name><button id=go onclick=\"out.innerText = document.querySelector('#name').value\">go</button>
    <p id=out></p><script>console.log('hello', 7);</script>";

#[tokio::test]
async fn two_profiles_share_no_storage() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let (address, _site) = site().await;
    let (alice, bob) = (chromium.page().await.unwrap(), chromium.page().await.unwrap());
    alice.open(&address).await.unwrap();
    bob.open(&address).await.unwrap();
    let () = alice.evaluate("localStorage.setItem('who', 'alice')").await.unwrap();
    assert_eq!(alice.evaluate::<String>("localStorage.getItem('who')").await.unwrap(), "alice");
    assert_eq!(bob.evaluate::<Option<String>>("localStorage.getItem('who')").await.unwrap(), None);
}

#[tokio::test]
async fn tests_that_run_at_once_share_the_program_and_no_page() {
    let Some(first) = require(Chromium::start().await) else { return };
    let (address, _site) = site().await;
    let page = first.page().await.unwrap();
    page.open(&address).await.unwrap();
    let second = Chromium::start().await.unwrap();
    assert_eq!(first.process_id(), second.process_id());
    // What the other one opened goes with it, and nothing of ours.
    let theirs = second.page().await.unwrap();
    theirs.open(&address).await.unwrap();
    drop((theirs, second));
    assert_eq!(page.evaluate::<String>("document.title").await.unwrap(), "t");
}

#[tokio::test]
async fn a_person_types_clicks_and_sees() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let (address, _site) = site().await;
    let page = chromium.page().await.unwrap();
    page.open(&address).await.unwrap();
    page.fill("#name", "Ada <b>").await.unwrap();
    page.press("Backspace").await.unwrap();
    page.press("Tab").await.unwrap();
    page.press("Enter").await.unwrap();
    page.wait_for("out.innerText === 'Ada <b'").await.unwrap();
    page.fill("#name", "Grace").await.unwrap();
    page.click("#go").await.unwrap();
    assert_eq!(page.text("#out").await.unwrap(), "Grace");
    assert_eq!(page.console(), ["log: hello 7"]);
    assert_eq!(page.requests()[0], address);
}

#[tokio::test]
async fn a_page_is_wide_or_narrow_light_or_dark() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let (address, _site) = site().await;
    let page = chromium.page().await.unwrap();
    page.open(&address).await.unwrap();
    assert_eq!(page.evaluate::<(u32, u32)>("[innerWidth, innerHeight]").await.unwrap(), (1280, 800));
    page.viewport(Viewport::PHONE).await.unwrap();
    page.dark(true).await.unwrap();
    assert_eq!(page.evaluate::<u32>("innerWidth").await.unwrap(), 390);
    let colour = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(page.evaluate::<String>(colour).await.unwrap(), "rgb(0, 0, 0)");
    let folder = tempfile::tempdir().unwrap();
    let image = page.screenshot(&folder.path().join("new/folder/page.png")).await.unwrap();
    assert_eq!(&image[1..4], b"PNG");
    // The width of a PNG, in device pixels.
    assert_eq!(image[16..20], (390_u32 * 2).to_be_bytes());
}

#[tokio::test]
async fn a_dialog_is_recorded_and_does_not_stop_the_page() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let page = chromium.page().await.unwrap();
    let () = page.evaluate("alert('injected')").await.unwrap();
    assert_eq!(page.dialogs(), ["injected"]);
    let error = page.evaluate::<()>("nothing.here").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn an_offline_page_loads_nothing() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let (address, _site) = site().await;
    let page = chromium.page().await.unwrap();
    page.open(&address).await.unwrap();
    let fetched = "fetch(location.href).then(() => true, () => false)";
    assert!(page.evaluate::<bool>(fetched).await.unwrap());
    page.offline(true).await.unwrap();
    assert!(!page.evaluate::<bool>(fetched).await.unwrap());
    assert!(!page.evaluate::<bool>("navigator.onLine").await.unwrap());
    page.offline(false).await.unwrap();
    assert!(page.evaluate::<bool>(fetched).await.unwrap());
}

/// Serves the page to everyone until the token is dropped.
async fn site() -> (String, Site) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let tasks = TaskTracker::new();
    let serving = tasks.spawn({
        let tasks = tasks.clone();
        async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tasks.spawn(async move {
                    let mut request = [0; 4096];
                    let _length = socket.read(&mut request).await?;
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", PAGE.len());
                    socket.write_all((head + PAGE).as_bytes()).await
                });
            }
        }
    });
    (address, Site { serving, _token: tasks.token() })
}

struct Site {
    serving: tokio::task::JoinHandle<()>,
    _token: TaskTrackerToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
