//! stub
use anyhow::Result;
pub fn run() -> Result<()> {
    Ok(())
}
pub(crate) fn make_images() -> Result<()> {
    Ok(())
}
pub(crate) struct Engine;
impl Engine {
    pub(crate) fn find() -> Result<Self> {
        anyhow::bail!("stub")
    }
    pub(crate) fn find_or_start() -> Result<Self> {
        anyhow::bail!("stub")
    }
    pub(crate) fn host(&self) -> &str {
        ""
    }
}
