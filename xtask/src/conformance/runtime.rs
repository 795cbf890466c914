//! What the Autobahn suite runs on: Python 2.7, for which it is written.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};

use crate::step;

const SUITE: &str = "autobahntestsuite==25.10.1";

/// Starts the suite from the folder of its first argument.
///
/// As a folder of packages, and not by `PYTHONPATH`: some of them are parts of one namespace, which
/// is made of a file that Python reads only there.
const START: &str = "import runpy, site, sys; site.addsitedir(sys.argv.pop(1)); \
     runpy.run_module('autobahntestsuite.wstest', run_name='__main__', alter_sys=True)";

/// A Python 2.7 with pip, and where the suite lies.
#[derive(Debug)]
pub(crate) struct Runtime {
    python: PathBuf,
    packages: PathBuf,
}

impl Runtime {
    /// Finds Python 2.7: on the path, or among the versions that pyenv keeps.
    pub(crate) fn find() -> Result<Self> {
        let python = candidates().into_iter().find(|python| has_pip(python)).context(
            "the Autobahn suite needs Python 2.7 with pip, and there is none on PATH or below ~/.pyenv/versions; \
             `pyenv install 2.7.18` gets one",
        )?;
        Ok(Self { python, packages: step::target().join("tools/autobahn") })
    }

    /// Puts the suite below `target/tools`, unless it is there.
    pub(super) fn install(&self) -> Result<()> {
        if self.packages.join("bin/wstest").exists() {
            return Ok(());
        }
        println!("pip install {SUITE}, to {}", step::shown(&self.packages));
        let mut pip = Command::new(&self.python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
        step::capture(pip.arg(&self.packages).arg(SUITE)).context("is the package index reachable?")?;
        Ok(())
    }

    /// Returns the program of the suite, without arguments.
    pub(super) fn wstest(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-c", START]).arg(&self.packages);
        command
    }
}

fn candidates() -> Vec<PathBuf> {
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok()).into_iter().flatten();
    let kept = versions.flatten().map(|version| version.path().join("bin/python2.7"));
    std::iter::once(PathBuf::from("python2.7")).chain(kept.filter(|python| python.exists())).collect()
}

/// Says whether it runs: a script of pyenv on the path only says that it does not know.
fn has_pip(python: &Path) -> bool {
    let version = Command::new(python).args(["-m", "pip", "--version"]).output();
    version.is_ok_and(|output| output.status.success())
}
