//! Numbers and times, as code has them and as documentation says them.

use std::fmt;

use super::tree::Tree;

/// What a setting is set to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Switch(bool),
    Number(f64),
    Milliseconds(f64),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Switch(one), Self::Switch(other)) => one == other,
            (Self::Number(one), Self::Number(other))
            | (Self::Milliseconds(one), Self::Milliseconds(other)) => same(one, other),
            // Nothing is nothing, whatever its unit.
            (Self::Number(one), Self::Milliseconds(other))
            | (Self::Milliseconds(other), Self::Number(one)) => same(one, 0.0) && same(other, 0.0),
            _ => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => write!(out, "{on}"),
            Self::Number(number) => write!(out, "{number}"),
            Self::Milliseconds(number) => write!(out, "{number} ms"),
        }
    }
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

/// Reads `64 * 1024`, `1 << 22`, `Duration::from_secs(2 * 60)`, `true`, and the name of a constant
/// that is one of these.
pub(super) fn evaluated(tree: &Tree, path: &str, expression: &str) -> Option<Value> {
    let expression = expression.trim().trim_end_matches(" as usize");
    // A constant may be another constant, also of another file; no chain of them is long.
    literal(expression).or_else(|| {
        let (path, expression) = constant(tree, path, expression)?;
        evaluated(tree, path, expression)
    })
}

fn literal(expression: &str) -> Option<Value> {
    let inside = |start: &str| number(expression.strip_prefix(start)?.strip_suffix(')')?);
    match expression {
        "true" | "false" => Some(Value::Switch(expression == "true")),
        "Duration::ZERO" => Some(Value::Milliseconds(0.0)),
        _ => inside("Duration::from_secs(")
            .map(|seconds| Value::Milliseconds(seconds * 1e3))
            .or_else(|| inside("Duration::from_millis(").map(Value::Milliseconds))
            .or_else(|| number(expression).map(Value::Number)),
    }
}

fn number(expression: &str) -> Option<f64> {
    let plain = |text: &str| text.trim().replace('_', "").parse::<f64>().ok();
    if let Some((base, places)) = expression.split_once("<<") {
        return Some(plain(base)? * plain(places)?.exp2());
    }
    expression.split('*').map(plain).product()
}

/// Finds the expression that a constant is, and the file it is in.
///
/// `MESSAGES_MAX` and `Self::MESSAGES_MAX` are in the same file, `in_flight::BYTES_MAX` is in one
/// of that name, and `Timing::TTL_DEFAULT` in `timing.rs`.
pub(super) fn constant<'t>(tree: &'t Tree, path: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let (place, name) = name.rsplit_once("::").unwrap_or(("Self", name));
    if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_') {
        return None;
    }
    let expression = |text: &'t str| {
        let (_, rest) = text.split_once(&format!("const {name}: "))?;
        Some(rest.split_once(" =")?.1.split(';').next()?.trim())
    };
    if place == "Self" {
        return Some((path, expression(tree.text(path)?)?));
    }
    let file = place.rsplit("::").next()?.to_lowercase();
    let ends = [format!("/{file}.rs"), format!("/{file}/mod.rs")];
    let mut files = tree.all().filter(|(path, _)| ends.iter().any(|end| path.ends_with(end.as_str())));
    files.find_map(|(path, text)| Some((path, expression(text)?)))
}

/// Reads `1,024`, `2^22`, `30 s` and `64 KiB`.
pub(super) fn quantity(amount: &str, unit: &str) -> Option<Value> {
    let amount = amount.trim_end_matches([';', '.', ':', ',']);
    if let "True" | "False" = amount {
        return Some(Value::Switch(amount == "True"));
    }
    let amount = match amount.split_once('^') {
        Some((base, power)) => base.parse::<f64>().ok()?.powf(power.parse().ok()?),
        None => amount.replace(',', "").parse().ok()?,
    };
    Some(match unit.trim_end_matches([';', '.', ':', ',']) {
        "ms" => Value::Milliseconds(amount),
        "s" => Value::Milliseconds(amount * 1e3),
        "min" => Value::Milliseconds(amount * 60e3),
        "h" => Value::Milliseconds(amount * 3600e3),
        "days" => Value::Milliseconds(amount * 24.0 * 3600e3),
        "KiB" => Value::Number(amount * 1024.0),
        "MiB" => Value::Number(amount * 1024.0 * 1024.0),
        "GiB" => Value::Number(amount * 1024.0 * 1024.0 * 1024.0),
        "KB" | "MB" | "GB" => return None,
        _ => Value::Number(amount),
    })
}
