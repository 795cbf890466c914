//! The tidings server.

fn main() -> anyhow::Result<()> {
    Ok(())
}
