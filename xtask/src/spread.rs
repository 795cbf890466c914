//! What was measured several times.

/// Values of the same kind: sorted.
#[derive(Debug)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    /// Sorts them.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// Returns the value in the middle; not a number, which holds no budget, without values.
    pub(crate) fn median(&self) -> f64 {
        match self.0.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => self.0[count / 2],
            count => f64::midpoint(self.0[count / 2 - 1], self.0[count / 2]),
        }
    }

    /// Returns the median, and from where to where the values go if there are several.
    pub(crate) fn shown(&self, unit: &str) -> String {
        let median = number(self.median());
        match &*self.0 {
            [least, .., most] => format!("{median} {unit} ({} to {})", number(*least), number(*most)),
            _ => format!("{median} {unit}"),
        }
    }
}

/// Writes a number with about four digits, and commas between thousands.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0..10.0 => 3,
        10.0..1_000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left % 3 == 0 && grouped != "-" {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let rest = rest.trim_end_matches('0').trim_end_matches('.');
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.1234, "0.123"),
            (2.0, "2"),
            (999.94, "999.9"),
            (1_234_567.8, "1,234,568"),
            (-1000.0, "-1,000"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
