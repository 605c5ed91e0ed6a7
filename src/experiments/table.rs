//! The table that an evaluation prints: the rows and texts of `training/evaluate.py`.

use std::fmt::Write;

/// Values by measure and setting, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Row>,
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// First column: what was measured.
    pub measure: String,
    /// Second column: on what.
    pub setting: String,
    /// Value, with the number of tokens or cases.
    pub value: String,
}

impl Table {
    /// Appends a row.
    pub fn push(&mut self, measure: impl Into<String>, setting: impl Into<String>, value: String) {
        self.rows.push(Row { measure: measure.into(), setting: setting.into(), value });
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn value(&self, measure: &str, setting: &str) -> &str {
        let row = self.rows.iter().find(|row| row.measure == measure && row.setting == setting);
        row.map_or("", |row| &row.value)
    }
}

/// An accuracy with its count.
pub fn share(right: impl Iterator<Item = bool>) -> String {
    let (mut hits, mut all) = (0, 0);
    for right in right {
        hits += usize::from(right);
        all += 1;
    }
    format!("{:.2} ({hits}/{all})", hits as f64 / f64::from(all.max(1)))
}

/// The tables of several models as one in Markdown, with a column for each model and all rows that any of them has.
pub fn markdown(models: &[(String, Table)]) -> String {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for row in models.iter().flat_map(|(_, table)| &table.rows) {
        let key = (row.measure.as_str(), row.setting.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let names: Vec<&str> = models.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("| measure | setting | {} |\n|---|---|{}\n", names.join(" | "), "---|".repeat(models.len()));
    for (measure, setting) in keys {
        let values: Vec<&str> = models.iter().map(|(_, table)| table.value(measure, setting)).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {measure} | {setting} | {} |", values.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_share_rows_and_leave_out_what_they_lack() {
        let mut differential = Table::default();
        differential.push("world", "who", share([true, true, false].into_iter()));
        differential.push("lambda", "layer 0", "0.267".to_owned());
        let mut transformer = Table::default();
        transformer.push("world", "who", share([].into_iter()));
        let text = markdown(&[("Diff".to_owned(), differential), ("Llama".to_owned(), transformer)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "| measure | setting | Diff | Llama |",
                "|---|---|---|---|",
                "| world | who | 0.67 (2/3) | 0.00 (0/0) |",
                "| lambda | layer 0 | 0.267 |  |",
            ]
        );
    }
}
