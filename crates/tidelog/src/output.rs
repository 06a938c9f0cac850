//! What a verb has found, as a table for people or as data for scripts.

use std::fmt::Display;
use std::io::Write;

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};
use serde::Serialize;

use crate::connect::COMMON_OPTIONS;

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Tables and lines for people, JSON or YAML for scripts.
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    #[arg(value_name = "FORMAT", help_heading = COMMON_OPTIONS)]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
    Yaml,
}

/// Something a verb shows: its serialized form is the interface for scripts, its text is for eyes.
pub(crate) trait View: Serialize {
    fn text(&self) -> String;
}

impl OutputArgs {
    pub(crate) fn show(&self, view: &impl View) -> anyhow::Result<()> {
        let shown = match self.output {
            Format::Table => view.text(),
            Format::Json => serde_json::to_string_pretty(view)?,
            Format::Yaml => serde_yaml_ng::to_string(view)?,
        };
        if !shown.is_empty() {
            writeln!(std::io::stdout(), "{}", shown.trim_end())?;
        }
        Ok(())
    }
}

/// Columns under headings, two spaces apart, no lines: easy on the eye and on `awk`.
pub(crate) struct Table {
    grid: Grid,
}

impl Table {
    pub(crate) fn new(headings: &[&str]) -> Self {
        let mut grid = Grid::new();
        grid.load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(headings);
        Self { grid }
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.grid.add_row(cells.into_iter().map(Into::into));
    }

    pub(crate) fn align_right(mut self, columns: &[usize]) -> Self {
        for column in columns {
            if let Some(column) = self.grid.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self
    }

    pub(crate) fn text(mut self) -> String {
        for column in self.grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let lines = self.grid.lines();
        let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

/// `1,2,3`, or `-` for nothing.
pub(crate) fn joined<T: Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "-".to_owned();
    }
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(",")
}

/// The value, or `-` where there is none.
pub(crate) fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `1 topic`, `2 topics`.
pub(crate) fn counted(count: impl Display, what: &str) -> String {
    match count.to_string() {
        one if one == "1" => format!("1 {what}"),
        many if what.ends_with('h') => format!("{many} {what}es"),
        many => format!("{many} {what}s"),
    }
}

/// `1.5 GiB`.
pub(crate) fn bytes(size_bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size_bytes < 1024 {
        return format!("{size_bytes} B");
    }
    let mut size = size_bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_columns_under_headings() {
        let mut table = Table::new(&["TOPIC", "PARTITIONS"]);
        table.row(["orders", "6"]);
        table.row(["a", "12"]);
        let text = table.align_right(&[1]).text();
        assert_eq!(
            text,
            "TOPIC   PARTITIONS\norders           6\na               12"
        );
    }

    #[test]
    fn one_is_told_in_the_singular() {
        let told = [
            counted(1, "batch"),
            counted(0, "batch"),
            counted(2, "topic"),
        ];
        assert_eq!(told, ["1 batch", "0 batches", "2 topics"]);
    }

    #[test]
    fn sizes_are_rounded_for_reading() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 40), "3.0 TiB");
    }
}
