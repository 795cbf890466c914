//! The texts that were given for each key, and where each came from.

use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

use super::environment::Environment;
use super::flags::Invocation;
use super::problem::Problems;
use super::setting::Setting;
use super::{environment, file, setting, value};

/// The texts of all sources, before any of them is parsed.
#[derive(Debug, Default)]
pub(super) struct Values {
    given: HashMap<&'static str, Given>,
    /// Warnings: what is odd, but no reason to refuse the configuration.
    warnings: Vec<String>,
}

/// One text and its source as the user knows it: `--http`, `TIDINGS_HTTP`, `server.toml: http`.
#[derive(Debug)]
struct Given {
    text: String,
    source: String,
}

impl Values {
    /// Gathers flags, environment and file; the first that names a key counts.
    pub(super) fn gather(
        invocation: &Invocation,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let Environment { ours: variables, links } = environment::read(variables, &mut problems);
        let path = invocation
            .flag(setting::CONFIG)
            .or_else(|| variables.get(setting::CONFIG_VARIABLE).map(String::as_str));
        let file = path.map(|path| file::read(path, &mut problems)).unwrap_or_default();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut values = Self::default();
        if !links.is_empty() {
            values.warnings.push(format!(
                "environment variables of a service called tidings are not settings and are ignored: {}; Kubernetes does not \
                 inject them with enableServiceLinks: false",
                links.join(", ")
            ));
        }
        // A flag counts more than a variable, and that more than the file.
        for key in setting::ALL {
            let given = invocation
                .flag(key.name)
                .map(|text| Given { text: text.to_owned(), source: format!("--{}", key.name) })
                .or_else(|| variables.get(key.variable).map(|text| Given::new(text, key.variable)))
                .or_else(|| {
                    let source = format!("{}: {}", path.unwrap_or_default(), key.name);
                    file.get(key.name).map(|text| Given::new(text, &source))
                });
            values.given.extend(given.map(|given| (key.name, given)));
        }
        Ok(values)
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    #[cfg(test)]
    pub(super) fn with(mut self, name: &'static str, text: &str) -> Self {
        self.given.insert(name, Given::new(text, &format!("--{name}")));
        self
    }
}

impl Given {
    fn new(text: &str, source: &str) -> Self {
        Self { text: text.to_owned(), source: source.to_owned() }
    }
}

/// Turns texts into values and remembers what is wrong.
#[derive(Debug)]
pub(super) struct SettingsReader<'a> {
    values: &'a Values,
    problems: Problems,
}

impl<'a> SettingsReader<'a> {
    pub(super) fn new(values: &'a Values) -> Self {
        Self { values, problems: Problems::default() }
    }

    /// The value of `key`. A text that is refused is noted and the default stands in, so that the
    /// rest is checked too.
    pub(super) fn take<T>(&mut self, key: &Setting, parse: impl Fn(&str) -> Result<T, String>) -> T {
        if let Some(given) = self.values.given.get(key.name) {
            match parse(&given.text) {
                Ok(value) => return value,
                Err(allowed) => self.problem(key, &allowed),
            }
        }
        parse(&key.allowed.default()).expect("every default is allowed, as a test of this module checks")
    }

    /// The duration of `key`, within its bounds.
    pub(super) fn duration(&mut self, key: &Setting) -> Duration {
        self.take(key, |text| value::duration(text, &key.allowed))
    }

    /// The number of `key`, within its bounds.
    pub(super) fn count(&mut self, key: &Setting) -> usize {
        self.take(key, |text| value::count(text, &key.allowed))
    }

    /// Whether something was said about `key`, be it right or wrong. An empty text says nothing.
    pub(super) fn is_given(&self, key: &Setting) -> bool {
        self.values.given.get(key.name).is_some_and(|given| !given.text.is_empty())
    }

    /// Notes what is wrong with what was given for `key`.
    pub(super) fn problem(&mut self, key: &Setting, wrong: &str) {
        let (given, default) = (self.values.given.get(key.name), key.allowed.default());
        let (source, text) =
            given.map_or((key.name, default.as_str()), |given| (given.source.as_str(), given.text.as_str()));
        self.problems.push(format!("{source}: {:?} {wrong}", key.show(text)));
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(value) } else { Err(self.problems) }
    }
}
