//! `cargo xtask codegen [--check]`: Rust from the proto files, without `protoc`.
//!
//! What it makes is checked in, so that no build needs it; `--check` says whether the two still
//! agree.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

/// The package of every proto file.
const PACKAGE: &str = "timeline.v1";

/// A proto file and what comes of it; folders are from the root of the workspace.
struct Source {
    include: &'static str,
    proto: &'static str,
    generated: &'static str,
    generate: fn(&Path, &str) -> Result<Vec<(String, Vec<u8>)>>,
}

const SOURCES: [Source; 2] = [
    Source {
        include: "crates/timeline/proto",
        proto: "timeline/v1/timeline.proto",
        generated: "crates/timeline/src/generated",
        generate: ours,
    },
    // The interface as clients of the Go service have it: tests go through one.
    Source {
        include: "tests/integration/original",
        proto: "timeline.proto",
        generated: "tests/integration/original/generated",
        generate: client,
    },
];

/// What is put before generated Rust.
const HEAD: &str = "// Made by `cargo xtask codegen` from the proto file. Do not edit.\n\n";

/// Makes the files, or with `check` fails when the ones that are checked in differ.
pub fn run(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is not in a workspace")?;
    for source in &SOURCES {
        let files = (source.generate)(&root.join(source.include), source.proto)?;
        if check {
            compare(root, source, &files)?;
        } else {
            write(root, source, &files)?;
        }
    }
    Ok(())
}

/// Writes the files of one proto file.
fn write(root: &Path, source: &Source, files: &[(String, Vec<u8>)]) -> Result<()> {
    let generated = root.join(source.generated);
    fs::create_dir_all(&generated)?;
    for (name, content) in files {
        let path = generated.join(name);
        fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    println!("codegen: {} files in {}", files.len(), source.generated);
    Ok(())
}

/// Returns the name and the content of every file of a crate: messages, JSON, client and server,
/// and the set for reflection.
fn ours(include: &Path, proto: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut compiler = protox::Compiler::new([include])?;
    compiler.include_source_info(true).include_imports(true).open_file(proto)?;
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
    bare.include_source_info(false).include_imports(true).open_file(proto)?;
    let reflection = (format!("{PACKAGE}.bin"), bare.encode_file_descriptor_set());
    Ok(vec![
        reflection,
        made(out.path(), format!("{PACKAGE}.rs"))?,
        made(out.path(), format!("{PACKAGE}.serde.rs"))?,
    ])
}

/// Returns the one file that a client needs: messages and calls.
fn client(include: &Path, proto: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut compiler = protox::Compiler::new([include])?;
    compiler.include_source_info(true).include_imports(true).open_file(proto)?;
    let out = tempfile::tempdir().context("a temporary directory cannot be created")?;
    tonic_prost_build::configure()
        .out_dir(out.path())
        .build_server(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(vec![made(out.path(), format!("{PACKAGE}.rs"))?])
}

/// Reads a generated file, and puts the head before it.
fn made(out: &Path, name: String) -> Result<(String, Vec<u8>)> {
    let content = fs::read_to_string(out.join(&name)).with_context(|| format!("{name} was not generated"))?;
    Ok((name, format!("{HEAD}{content}").into_bytes()))
}

/// Fails when a file is missing, differs, or is made no more.
fn compare(root: &Path, source: &Source, files: &[(String, Vec<u8>)]) -> Result<()> {
    let generated = root.join(source.generated);
    let mut wrong: Vec<PathBuf> = Vec::new();
    for (name, content) in files {
        let path = generated.join(name);
        if fs::read(&path).ok().as_deref() != Some(content) {
            wrong.push(path);
        }
    }
    // A file that is made no more would still be compiled, so it is found from the other side.
    for entry in fs::read_dir(&generated)
        .with_context(|| format!("{} is missing; run `cargo xtask codegen`", source.generated))?
    {
        let entry = entry?;
        if !files.iter().any(|(name, _)| entry.file_name() == name.as_str()) {
            wrong.push(entry.path());
        }
    }
    if !wrong.is_empty() {
        bail!("these files are not what the proto file gives; run `cargo xtask codegen`: {wrong:?}");
    }
    println!("codegen: {} files agree with {}/{}", files.len(), source.include, source.proto);
    Ok(())
}
