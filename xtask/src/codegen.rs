//! `cargo xtask codegen [--check]`: Rust from the proto file, without `protoc`.
//!
//! What it makes is checked in, so that no build needs it; `--check` says whether the two still
//! agree.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

/// The proto file and what comes of it, from the root of the workspace.
const INCLUDE: &str = "crates/timeline/proto";
const PROTO: &str = "timeline/v1/timeline.proto";
const PACKAGE: &str = "timeline.v1";
const GENERATED: &str = "crates/timeline/src/generated";

/// What is put before generated Rust.
const HEAD: &str = "// Made by `cargo xtask codegen` from the proto file. Do not edit.\n\n";

/// Makes the files, or with `check` fails when the ones that are checked in differ.
pub fn run(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is not in a workspace")?;
    let generated = root.join(GENERATED);
    let files = generate(&root.join(INCLUDE))?;
    if check {
        return compare(&generated, &files);
    }
    fs::create_dir_all(&generated)?;
    for (name, content) in &files {
        let path = generated.join(name);
        fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    println!("codegen: {} files in {GENERATED}", files.len());
    Ok(())
}

/// Returns the name and the content of every file.
fn generate(include: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut compiler = protox::Compiler::new([include])?;
    compiler.include_source_info(true).include_imports(true).open_file(PROTO)?;
    let descriptors = compiler.file_descriptor_set();
    let encoded = compiler.encode_file_descriptor_set();
    let out = tempfile::tempdir().context("a temporary directory cannot be created")?;

    let grpc_only = "#[cfg(feature = \"grpc\")]";
    tonic_prost_build::configure()
        .out_dir(out.path())
        .client_mod_attribute(".", grpc_only)
        .server_mod_attribute(".", grpc_only)
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .out_dir(out.path())
        .register_descriptors(&encoded)?
        .emit_fields()
        .ignore_unknown_fields()
        .build(&[format!(".{PACKAGE}")])?;

    // The set for reflection goes without comments and positions.
    let mut bare = protox::Compiler::new([include])?;
    bare.include_source_info(false).include_imports(true).open_file(PROTO)?;
    let mut files = vec![(format!("{PACKAGE}.bin"), bare.encode_file_descriptor_set())];
    for name in [format!("{PACKAGE}.rs"), format!("{PACKAGE}.serde.rs")] {
        let content = fs::read_to_string(out.path().join(&name))
            .with_context(|| format!("{name} was not generated"))?;
        files.push((name, format!("{HEAD}{content}").into_bytes()));
    }
    Ok(files)
}

/// Fails when a file is missing, differs, or is made no more.
fn compare(generated: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let mut wrong: Vec<PathBuf> = Vec::new();
    for (name, content) in files {
        let path = generated.join(name);
        if fs::read(&path).ok().as_deref() != Some(content) {
            wrong.push(path);
        }
    }
    // A file that is made no more would still be compiled, so it is found from the other side.
    for entry in fs::read_dir(generated)
        .with_context(|| format!("{GENERATED} is missing; run `cargo xtask codegen`"))?
    {
        let entry = entry?;
        if !files.iter().any(|(name, _)| entry.file_name() == name.as_str()) {
            wrong.push(entry.path());
        }
    }
    if !wrong.is_empty() {
        bail!("these files are not what the proto file gives; run `cargo xtask codegen`: {wrong:?}");
    }
    println!("codegen: {} files agree with {PROTO}", files.len());
    Ok(())
}
