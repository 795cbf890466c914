//! A private headless Chromium for page tests.
//!
//! Spoken to over the `DevTools` protocol by a small client of our own: a page test needs a dozen
//! of its several hundred calls, and the crates that wrap them all take two minutes to build.

mod browser;
mod devtools;
mod keyboard;
mod page;
mod page_log;

pub use browser::Chromium;
pub use browser::Profile;
pub use page::Page;
pub use page::Viewport;
