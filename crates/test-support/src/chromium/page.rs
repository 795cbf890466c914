//! One page: what a person does with it, and what they see.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use super::devtools::DevTools;
use super::devtools::Event;
use super::keyboard;
use super::page_log::PageLog;
use super::page_log::exception;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// How long [`Page::wait_for`] and everything that waits for an element waits.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A page in a browser. Closing the profile or dropping the browser closes it.
///
/// Dialogs (`alert`, `confirm`, …) are recorded and dismissed at once, so that none can stop a
/// test.
///
/// # Errors
///
/// Of every method: `Protocol` if the page refuses or throws, `Timeout` if it does not get there
/// within 90 s, `Unavailable` if the browser is gone.
#[derive(Debug)]
pub struct Page {
    devtools: DevTools,
    session: String,
    target: String,
    record: Arc<PageLog>,
}

/// The size of a page, as the page sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    /// Width in CSS pixels.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
    /// Device pixels per CSS pixel.
    pub scale: f64,
    /// Whether it is touched with fingers and honours the viewport meta element.
    pub mobile: bool,
}

impl Viewport {
    /// A laptop.
    pub const WIDE: Self = Self { width: 1280, height: 800, scale: 1.0, mobile: false };
    /// A phone, upright.
    pub const PHONE: Self = Self { width: 390, height: 844, scale: 2.0, mobile: true };
}

#[expect(clippy::missing_errors_doc, reason = "the section at the type says it for all of them")]
impl Page {
    pub(super) async fn create(devtools: DevTools, profile: &str) -> Result<Self> {
        let blank = json!({ "url": "about:blank", "browserContextId": profile, "newWindow": true });
        let answer = devtools.call(None, "Target.createTarget", blank).await?;
        let target = answer["targetId"].as_str().unwrap_or_default().to_owned();
        let attach = json!({ "targetId": target, "flatten": true });
        let answer = devtools.call(None, "Target.attachToTarget", attach).await?;
        let session = answer["sessionId"].as_str().unwrap_or_default().to_owned();
        let record = Arc::new(PageLog::default());
        // The order matters: the page is recorded before its domains are enabled, which is when it
        // begins to report.
        devtools.record(&session, Arc::clone(&record));
        let page = Self { devtools, session, target, record };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            page.call(domain, json!({})).await?;
        }
        page.call("Page.setLifecycleEventsEnabled", json!({ "enabled": true })).await?;
        // Every page thinks that it has the focus, as it has on its owner's machine.
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await?;
        page.viewport(Viewport::WIDE).await?;
        Ok(page)
    }

    /// Opens an address and returns once the page and all it loads are there.
    pub async fn open(&self, address: &str) -> Result<()> {
        // The order matters: who subscribes after the call may miss the event that tells the end.
        let mut events = self.devtools.events();
        let answer = self.call("Page.navigate", json!({ "url": address })).await?;
        if let Some(refused) = answer["errorText"].as_str() {
            return Err(Error::new(ErrorKind::Protocol, format!("{address} cannot be opened: {refused}")));
        }
        // Without a loader it was a move within the page.
        let Some(loader) = answer["loaderId"].as_str() else { return Ok(()) };
        self.loaded(&mut events, |event| event.parameters["loaderId"] == loader).await
    }

    /// Loads the page again and returns once it is there.
    pub async fn reload(&self) -> Result<()> {
        let mut events = self.devtools.events();
        self.call("Page.reload", json!({})).await?;
        self.loaded(&mut events, |_| true).await
    }

    /// Runs an expression in the page, awaits it if it is a promise, and returns its value.
    pub async fn evaluate<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let mut answer = self.call("Runtime.evaluate", parameters).await?;
        if let Some(details) = answer.get("exceptionDetails") {
            let message = format!("{expression}: {}", exception(details));
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        let value = answer["result"]["value"].take();
        serde_json::from_value(value).map_err(|error| {
            Error::because(ErrorKind::Protocol, format!("{expression} has another type"), error)
        })
    }

    /// Waits until an expression is true, for at most 60 s, across reloads and navigation.
    pub async fn wait_for(&self, expression: &str) -> Result<()> {
        self.wait_for_within(expression, WAIT_LIMIT).await
    }

    /// Waits until an expression is true, for at most `limit`; the error says what the page looked
    /// like.
    pub async fn wait_for_within(&self, expression: &str, limit: Duration) -> Result<()> {
        // The page watches by itself and answers once. It is asked again only when it was replaced
        // meanwhile, and with it what was watching.
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let found: Result<bool> = self.evaluate(&waiting(expression, left)).await;
            match found {
                Ok(true) => return Ok(()),
                // The page went away below the expression: wait on in the next one.
                Err(error) if error.kind() == ErrorKind::Protocol && moved(&error) && !left.is_zero() => {}
                Err(error) => return Err(error),
                Ok(false) => {
                    let seen: String = self.evaluate("document.body?.innerText ?? ''").await?;
                    let errors = self.errors().join("\n  ");
                    let message = format!(
                        "not true within {limit:?}: {expression}\nthe page shows:\n{seen}\nits errors:\n  {errors}"
                    );
                    return Err(Error::new(ErrorKind::Timeout, message));
                }
            }
        }
    }

    /// Returns the text that an element shows, once there is such an element.
    pub async fn text(&self, selector: &str) -> Result<String> {
        let element = element(selector);
        self.wait_for(&format!("!!{element}")).await?;
        self.evaluate(&format!("{element}.innerText")).await
    }

    /// Clicks an element with the mouse, once it is there, shown and not covered at its centre.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let element = element(selector);
        let shown = format!(
            "(() => {{ const e = {element}; if (!e) return false; e.scrollIntoView({{block: 'nearest'}});
               const r = e.getBoundingClientRect();
               const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
               return r.width > 0 && !!top && (e.contains(top) || top.contains(e)); }})()"
        );
        self.wait_for(&shown).await?;
        let centre = format!(
            "(() => {{ const r = {element}.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let (x, y): (f64, f64) = self.evaluate(&centre).await?;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    /// Gives an input the focus, and `text` in place of what it holds, as typing would.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let element = element(selector);
        self.wait_for(&format!("!!{element} && !{element}.disabled")).await?;
        let select = format!("(() => {{ const e = {element}; e.focus(); e.select?.(); return true; }})()");
        let _focused: bool = self.evaluate(&select).await?;
        if text.is_empty() { self.press("Delete").await } else { self.write(text).await }
    }

    /// Writes text where the focus is.
    pub async fn write(&self, text: &str) -> Result<()> {
        self.call("Input.insertText", json!({ "text": text })).await.map(drop)
    }

    /// Presses and releases a key where the focus is: `Enter`, `Tab`, `Shift+Tab`, `ArrowDown`,
    /// `Escape`, `a`, …
    pub async fn press(&self, key: &str) -> Result<()> {
        let Some(strokes) = keyboard::strokes(key) else {
            return Err(Error::new(ErrorKind::Protocol, format!("no key is named {key}")));
        };
        for stroke in strokes {
            self.call("Input.dispatchKeyEvent", stroke).await?;
        }
        Ok(())
    }

    /// Changes the size of the page.
    pub async fn viewport(&self, viewport: Viewport) -> Result<()> {
        let Viewport { width, height, scale, mobile } = viewport;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", size).await?;
        self.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await.map(drop)
    }

    /// Says whether the person prefers dark colours.
    pub async fn dark(&self, dark: bool) -> Result<()> {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.call("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Takes the page's network away, or gives it back: requests fail, and open sockets stall or
    /// close.
    pub async fn offline(&self, offline: bool) -> Result<()> {
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.call("Network.emulateNetworkConditions", conditions).await.map(drop)
    }

    /// Writes what the page shows to a PNG file, and returns its bytes.
    pub async fn screenshot(&self, file: &Path) -> Result<Vec<u8>> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let image = STANDARD.decode(answer["data"].as_str().unwrap_or_default());
        let image = image.map_err(|e| Error::because(ErrorKind::Protocol, "not base64", e))?;
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        written.and_then(|()| std::fs::write(file, &image)).map_err(|error| {
            Error::because(ErrorKind::Unavailable, format!("cannot write {}", file.display()), error)
        })?;
        Ok(image)
    }

    /// Returns what the page logged, one line each, with its level.
    pub fn console(&self) -> Vec<String> {
        self.record.lists().console
    }

    /// Returns the uncaught exceptions, and the errors that the browser itself logged (failed
    /// requests, CSP).
    pub fn errors(&self) -> Vec<String> {
        self.record.lists().errors
    }

    /// Returns the texts of the dialogs that opened; injected script usually shows itself this way.
    pub fn dialogs(&self) -> Vec<String> {
        self.record.lists().dialogs
    }

    /// Returns the addresses of all requests and sockets of this page.
    pub fn requests(&self) -> Vec<String> {
        self.record.lists().requests
    }

    /// Closes the page, as a person closes a tab.
    pub async fn close(self) -> Result<()> {
        self.devtools.call(None, "Target.closeTarget", json!({ "targetId": self.target })).await?;
        self.devtools.forget(&self.session);
        Ok(())
    }

    /// Calls any method of the `DevTools` protocol on this page, for what has no method here.
    pub async fn call(&self, method: &'static str, parameters: Value) -> Result<Value> {
        self.devtools.call(Some(&self.session), method, parameters).await
    }

    async fn loaded(
        &self,
        events: &mut tokio::sync::broadcast::Receiver<Arc<Event>>,
        ours: impl Fn(&Event) -> bool,
    ) -> Result<()> {
        let load = async {
            loop {
                let event = events.recv().await.map_err(|error| {
                    Error::because(ErrorKind::Unavailable, "the browser's events ended", error)
                })?;
                let load = event.method == "Page.lifecycleEvent" && event.parameters["name"] == "load";
                if load && event.session == self.session && ours(&event) {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(WAIT_LIMIT, load).await.map_err(|_elapsed| {
            Error::new(ErrorKind::Timeout, format!("the page did not load within {WAIT_LIMIT:?}"))
        })?
    }
}

fn element(selector: &str) -> String {
    format!("document.querySelector({})", Value::from(selector))
}

/// Returns a promise of whether the expression became true in time: looked at with each change of
/// the document, and every 20 ms for what changes without one.
fn waiting(expression: &str, limit: Duration) -> String {
    format!(
        "new Promise(done => {{
           const holds = () => {{ try {{ return !!({expression}) }} catch {{ return false }} }};
           if (holds()) return done(true);
           const end = answer => {{ changes.disconnect(); clearInterval(beat); clearTimeout(late); done(answer) }};
           const look = () => {{ if (holds()) end(true) }};
           const changes = new MutationObserver(look);
           changes.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}});
           const beat = setInterval(look, 20);
           const late = setTimeout(() => end(holds()), {});
         }})",
        limit.as_millis()
    )
}

/// Says whether an evaluation failed because the page below it was replaced.
fn moved(error: &Error) -> bool {
    let text = error.to_string();
    ["navigated or closed", "context was destroyed", "Promise was collected", "Cannot find context"]
        .iter()
        .any(|reason| text.contains(reason))
}
