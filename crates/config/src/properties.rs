//! Reading configuration text: Java's `.properties`, or TOML with the same keys.

use std::collections::BTreeMap;

/// Configuration as text, by key.
pub type Properties = BTreeMap<String, String>;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SyntaxError {
    #[error("line {line}: \\u must be followed by four hexadecimal digits")]
    BadUnicodeEscape { line: usize },
    #[error("{0}")]
    Toml(String),
    #[error("{key}: a value must be a string, number, boolean or a list of these")]
    UnfitValue { key: String },
}

/// Parses Java's `.properties` format: comments, continued lines and escapes as
/// `java.util.Properties` reads them. A repeated key keeps its last value.
pub fn parse_properties(text: &str) -> Result<Properties, SyntaxError> {
    let mut properties = Properties::new();
    for (line, logical) in logical_lines(text) {
        let (key, value) = split_entry(&logical);
        properties.insert(unescape(key, line)?, unescape(value, line)?);
    }
    Ok(properties)
}

/// Parses TOML; the names of nested tables are joined by dots, and lists by commas.
pub fn parse_toml(text: &str) -> Result<Properties, SyntaxError> {
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| SyntaxError::Toml(e.to_string()))?;
    let mut properties = Properties::new();
    flatten("", &table, &mut properties)?;
    Ok(properties)
}

fn flatten(prefix: &str, table: &toml::Table, into: &mut Properties) -> Result<(), SyntaxError> {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            toml::Value::Table(nested) => flatten(&key, nested, into)?,
            toml::Value::Array(items) => {
                let items: Option<Vec<_>> = items.iter().map(scalar_text).collect();
                let items = items.ok_or(SyntaxError::UnfitValue { key: key.clone() })?;
                into.insert(key, items.join(","));
            }
            scalar => {
                let text =
                    scalar_text(scalar).ok_or(SyntaxError::UnfitValue { key: key.clone() })?;
                into.insert(key, text);
            }
        }
    }
    Ok(())
}

fn scalar_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Lines without blanks and comments, continued ones joined, each with the number of its first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut logical = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim_start_matches(is_blank);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut joined = line.to_owned();
        while ends_with_continuation(&joined) {
            joined.pop();
            match lines.next() {
                Some((_, next)) => joined.push_str(next.trim_start_matches(is_blank)),
                None => break,
            }
        }
        logical.push((index + 1, joined));
    }
    logical
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

/// An odd number of backslashes at the end: the last one is not escaped.
fn ends_with_continuation(line: &str) -> bool {
    line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

/// Splits at the first unescaped `=`, `:` or blank, whichever comes first.
fn split_entry(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .char_indices()
        .find(|(_, c)| {
            let ends = !escaped && (is_blank(*c) || matches!(c, '=' | ':'));
            escaped = *c == '\\' && !escaped;
            ends
        })
        .map_or(line.len(), |(index, _)| index);
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(is_blank))
}

fn unescape(text: &str, line: usize) -> Result<String, SyntaxError> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\x0c'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16)
                    .ok()
                    .filter(|_| digits.len() == 4);
                let c = code.and_then(char::from_u32);
                plain.push(c.ok_or(SyntaxError::BadUnicodeEscape { line })?);
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> Properties {
        entries
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "# comment\n! another\n\na=1\n  b : two words \nc three\nd=\nlist=x,\\\n    y\n\
                    path=C\\:\\\\dir\ne\\=f=g\nu=\\u00e9\ntab=a\\tb\nlisteners=PLAINTEXT://:9092\n";
        let expected = map(&[
            ("a", "1"),
            ("b", "two words "),
            ("c", "three"),
            ("d", ""),
            ("list", "x,y"),
            ("path", "C:\\dir"),
            ("e=f", "g"),
            ("u", "é"),
            ("tab", "a\tb"),
            ("listeners", "PLAINTEXT://:9092"),
        ]);
        assert_eq!(parse_properties(text).unwrap(), expected);
    }

    #[test]
    fn a_bad_escape_names_its_line() {
        let error = parse_properties("a=1\nb=\\u00g0").unwrap_err();
        assert_eq!(error, SyntaxError::BadUnicodeEscape { line: 2 });
    }

    #[test]
    fn toml_tables_become_dotted_keys() {
        let text = "\"num.partitions\" = 3\nlisteners = [\"A://:1\", \"B://:2\"]\n\
                    [log]\nretention.ms = -1\ncleaner.enable = false\n[log.cleaner.min]\ncleanable.ratio = 0.25\n";
        let expected = map(&[
            ("num.partitions", "3"),
            ("listeners", "A://:1,B://:2"),
            ("log.retention.ms", "-1"),
            ("log.cleaner.enable", "false"),
            ("log.cleaner.min.cleanable.ratio", "0.25"),
        ]);
        assert_eq!(parse_toml(text).unwrap(), expected);
    }

    #[test]
    fn toml_dates_are_refused() {
        let error = parse_toml("a = 1979-05-27").unwrap_err();
        assert_eq!(
            error,
            SyntaxError::UnfitValue {
                key: "a".to_owned()
            }
        );
    }
}
