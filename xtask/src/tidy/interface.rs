//! Which files are the public interface of a crate, and what in them is code.

/// Returns a file without its tests.
pub(super) fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

/// Whether users of a crate read this file's documentation: laws, generated code and test servers
/// have rules of their own.
pub(super) fn is_interface(path: &str) -> bool {
    let Some((name, file)) = path.strip_prefix("crates/").and_then(|path| path.split_once("/src/")) else {
        return false;
    };
    let other = ["contract/", "generated/"].iter().any(|folder| file.starts_with(folder));
    !matches!(name, "server" | "test-support") && !other && !file.ends_with("tests.rs")
}
