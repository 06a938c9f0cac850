//! The house rules, checked: layers, sizes, no stray notes, and documents that match the tree.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test panics to fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each crate may depend on within the house; ARCHITECTURE.md says why.
const LAYERS: &[(&str, &[&str])] = &[
    ("format", &[]),
    ("config", &[]),
    ("wire", &["format"]),
    ("store", &["format"]),
    ("quorum", &["format", "store", "wire"]),
    ("controller", &["config", "wire"]),
    ("coordinator", &["wire"]),
    ("replica", &["format", "store"]),
    ("client", &["wire"]),
    (
        "broker",
        &[
            "client",
            "config",
            "controller",
            "coordinator",
            "format",
            "quorum",
            "replica",
            "store",
            "wire",
        ],
    ),
    (
        "tidelog",
        &["broker", "client", "config", "format", "store", "wire"],
    ),
];

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

/// Functions that are longer, each with its reason.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// Read once, downward, these files are a Produce, from the socket to the disk: those in bold in ARCHITECTURE.md.
const PRODUCE: &[&str] = &[
    "broker/src/net/connection.rs",
    "broker/src/net/frame.rs",
    "broker/src/api/mod.rs",
    "broker/src/api/produce.rs",
    "broker/src/ops/append.rs",
    "replica/src/leader.rs",
    "store/src/append.rs",
    "store/src/segment.rs",
    "broker/src/parked.rs",
    "replica/src/waiters.rs",
];

/// And these a Fetch, from the socket to the log and back.
const FETCH: &[&str] = &[
    "broker/src/net/connection.rs",
    "broker/src/net/frame.rs",
    "broker/src/api/mod.rs",
    "broker/src/api/fetch.rs",
    "broker/src/ops/read.rs",
    "replica/src/leader.rs",
    "store/src/read.rs",
    "store/src/lookup.rs",
    "broker/src/parked.rs",
    "replica/src/waiters.rs",
    "broker/src/net/reply.rs",
    "broker/src/net/warm.rs",
];
const MAX_PATH_LINES: usize = 2_500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every source file of the crates, with its path below `crates/`.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path
                    .strip_prefix(root().join("crates"))
                    .unwrap()
                    .display()
                    .to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The lines that are not tests: a file's own, up to its inline test module.
fn production_lines(name: &str, text: &str) -> usize {
    let is_test =
        name.contains("/tests/") || name.contains("/examples/") || name.ends_with("tests.rs");
    if is_test {
        0
    } else {
        text.split("\n#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or(text)
            .lines()
            .count()
    }
}

#[test]
fn crates_depend_downward_only() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let layers: BTreeMap<&str, BTreeSet<&str>> = LAYERS
        .iter()
        .map(|(name, below)| (*name, below.iter().copied().collect()))
        .collect();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(allowed) = layers.get(name) else {
            continue;
        };
        seen.insert(name);
        for dependency in package["dependencies"].as_array().unwrap() {
            let below = dependency["name"].as_str().unwrap();
            let counts = dependency["kind"].is_null() && layers.contains_key(below);
            assert!(
                !counts || allowed.contains(below),
                "{name} must not depend on {below}"
            );
        }
    }
    assert_eq!(seen, layers.keys().copied().collect());
}

#[test]
fn no_file_is_too_long() {
    let too_long: Vec<_> = sources()
        .into_iter()
        .map(|(name, text)| (production_lines(&name, &text), name))
        .filter(|(lines, _)| *lines > MAX_FILE_LINES)
        .collect();
    assert!(too_long.is_empty(), "split along a concept: {too_long:?}");
}

/// The tree is formatted, so a function ends at the first closing brace of its own indentation.
#[test]
fn no_function_is_too_long() {
    let mut too_long = Vec::new();
    for (name, text) in sources() {
        let lines: Vec<&str> = text.lines().take(production_lines(&name, &text)).collect();
        for (start, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let is_function = [
                "fn ",
                "pub fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "async fn ",
                "pub async fn ",
            ]
            .iter()
            .chain(&["pub(crate) async fn ", "pub(super) async fn "])
            .any(|opening| code.starts_with(opening));
            if !is_function || code.ends_with(';') {
                continue;
            }
            let end = format!("{}}}", &line[..line.len() - code.len()]);
            let length = lines[start..]
                .iter()
                .position(|line| *line == end)
                .map_or(0, |length| length + 1);
            let function = code
                .split(['(', '<'])
                .next()
                .unwrap_or(code)
                .rsplit(' ')
                .next()
                .unwrap_or(code);
            let is_argued = LONG_FUNCTIONS
                .iter()
                .any(|(file, known, _)| *file == name && *known == function);
            if length > MAX_FUNCTION_LINES && !is_argued {
                too_long.push((length, name.clone(), function.to_owned()));
            }
        }
    }
    assert!(
        too_long.is_empty(),
        "split, or argue in LONG_FUNCTIONS: {too_long:?}"
    );
}

#[test]
fn each_data_path_can_be_read() {
    let sources: BTreeMap<_, _> = sources().into_iter().collect();
    let told = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let bold: BTreeSet<_> = told
        .split("**`")
        .skip(1)
        .map(|text| text.split('`').next().unwrap())
        .collect();
    let on_a_path: BTreeSet<_> = [PRODUCE, FETCH].concat().into_iter().collect();
    for file in &on_a_path {
        let (krate, place) = file.split_once("/src/").unwrap();
        assert!(
            bold.contains(format!("{krate}/{place}").as_str()) || bold.contains(place),
            "{file} is on a path and not told of"
        );
    }
    assert_eq!(
        bold.len(),
        on_a_path.len(),
        "all that is told of is on a path"
    );
    for path in [PRODUCE, FETCH] {
        let lengths = path
            .iter()
            .map(|file| production_lines(file, &sources[*file]));
        let total: usize = lengths.sum();
        assert!(total < MAX_PATH_LINES, "a path has grown to {total} lines");
    }
}

#[test]
fn no_note_is_left_in_the_code() {
    for (name, text) in sources() {
        for note in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            assert!(!text.contains(note), "{name} has a {note}");
        }
    }
}

/// Every path that ARCHITECTURE.md puts into backticks exists, and every crate is told of.
#[test]
fn the_architecture_matches_the_tree() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (name, _) in LAYERS {
        assert!(
            text.contains(&format!("| `{name}` |")),
            "{name} is not told of"
        );
    }
    for quoted in text.split('`').skip(1).step_by(2) {
        let Some((first, rest)) = quoted.split_once('/').filter(|_| is_path(quoted)) else {
            continue;
        };
        let places = [
            root().join(quoted),
            root().join("crates").join(first).join("src").join(rest),
            root().join("crates/broker/src").join(quoted),
        ];
        assert!(
            places.iter().any(|path| path.exists()),
            "ARCHITECTURE.md names {quoted}"
        );
    }
}

fn is_path(quoted: &str) -> bool {
    quoted.ends_with(".rs") || quoted.starts_with("tests/") || quoted.starts_with("benches/")
}
