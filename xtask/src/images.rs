//! `cargo xtask images`: local Docker images of the servers' binaries.
//!
//! A machine without a registry at hand has an engine and no images. Each of ours is one binary,
//! the libraries that `ldd` names, and the empty folders that the server writes into.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::binary::binary;
use crate::engine::Engine;
use crate::step;

/// An image, under the name by which `test-support` asks for it.
struct Image {
    tag: &'static str,
    program: &'static str,
    command: &'static str,
    port: u16,
}

const IMAGES: &[Image] = &[
    Image {
        tag: "redis:7",
        program: "redis-server",
        command: r#"["redis-server", "--save", "", "--bind", "0.0.0.0", "--protected-mode", "no"]"#,
        port: 6379,
    },
    Image { tag: "mongo:6", program: "mongod", command: r#"["mongod", "--bind_ip_all"]"#, port: 27017 },
    Image {
        tag: "etcd:3.4",
        program: "etcd",
        command: r#"["etcd", "--data-dir", "/data", "--listen-client-urls", "http://0.0.0.0:2379", "--advertise-client-urls", "http://127.0.0.1:2379"]"#,
        port: 2379,
    },
];

/// Makes the images in the engine that answers.
pub fn run() -> Result<()> {
    make(&Engine::find()?)
}

/// Makes the images that an engine lacks; one that is there, ours or another, is kept.
pub(crate) fn make(engine: &Engine) -> Result<()> {
    for image in IMAGES {
        let tag = image.tag;
        if step::capture(engine.docker().args(["image", "inspect", tag])).is_ok() {
            println!("{tag} present");
            continue;
        }
        import(engine, image).with_context(|| format!("the image {tag} cannot be made"))?;
        println!("{tag} made");
    }
    Ok(())
}

fn import(engine: &Engine, image: &Image) -> Result<()> {
    let root = tempfile::tempdir().context("a temporary directory cannot be created")?;
    fill(root.path(), image.program)?;
    let mut tar = Command::new("tar")
        .args(["--create", "--numeric-owner", "--owner=0", "--group=0", "--directory"])
        .arg(root.path())
        .arg(".")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run tar")?;
    let archive = tar.stdout.take().context("the output of tar is not piped")?;
    let mut docker = engine.docker();
    docker.args(["import", "--change", &format!("CMD {}", image.command)]).args([
        "--change",
        "ENV PATH=/usr/bin",
        "--change",
        &format!("EXPOSE {}", image.port),
        "-",
        image.tag,
    ]);
    // The engine reads what tar writes. tar is waited for whatever became of the import, so that no
    // process is left behind; the error of the import is told first, as it is the cause.
    let imported = step::capture(docker.stdin(archive));
    let packed = tar.wait()?;
    imported?;
    if !packed.success() {
        bail!("tar failed: {packed}");
    }
    Ok(())
}

/// Lays out the root file system of one program.
fn fill(root: &Path, program: &str) -> Result<()> {
    let found =
        binary(&[program]).with_context(|| format!("{program} is not installed; run `cargo xtask setup`"))?;
    // What setup unpacked is run by a script, and lies beside it.
    let unpacked = found.parent().context("the path has no folder")?.with_file_name("root");
    let file = Some(unpacked.join("usr/bin").join(program)).filter(|file| file.exists()).unwrap_or(found);
    let libraries = libraries(&file, &unpacked)?;
    copy(&file, &root.join("usr/bin").join(program))?;
    for library in libraries {
        // Where the loader looks for it; an unpacked one lies there below our own folder.
        let place = library.strip_prefix(&unpacked).or_else(|_| library.strip_prefix("/"))?;
        copy(&library, &root.join(place))?;
    }
    for folder in ["tmp", "data/db", "etc"] {
        fs::create_dir_all(root.join(folder))?;
    }
    Ok(())
}

/// Returns the libraries of a program, and the loader: `libc.so.6 => /lib/…/libc.so.6 (0x…)`,
/// `/lib64/ld-… (0x…)`.
fn libraries(program: &Path, unpacked: &Path) -> Result<Vec<PathBuf>> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = ["usr/lib", "lib"].map(|folder| unpacked.join(folder).join(&triplet).display().to_string());
    let list = step::capture(Command::new("ldd").arg(program).env("LD_LIBRARY_PATH", folders.join(":")))?;
    if let Some(missing) = list.lines().find(|line| line.contains("not found")) {
        bail!("{}: {}", program.display(), missing.trim());
    }
    let paths = list.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(PathBuf::from).collect())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("the path has no folder")?)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
