//! Every verb of the command line, run as a person runs it, against a broker that the test starts;
//! or, with `TIDELOG_TEST_BOOTSTRAP` set, against any Kafka at that address.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod cluster;
mod scripts;

use std::process::Command;

use serde_json::Value;

use crate::cluster::{BINARY, Cluster};

#[test]
fn topics_are_created_shown_changed_and_deleted() {
    let cluster = Cluster::start();
    let created = cluster.ok(
        "topic create a-NAME b-NAME -p 2 --config retention.ms=5000",
        "",
    );
    let suffix = &cluster.suffix;
    assert_eq!(
        created,
        format!("topic a-{suffix}: created\ntopic b-{suffix}: created\n")
    );
    assert!(
        cluster
            .fails("topic create a-NAME")
            .contains("TOPIC_ALREADY_EXISTS")
    );
    cluster.ok("topic create a-NAME --if-not-exists", "");
    cluster.ok("topic create c-NAME --dry-run", "");

    let listed = cluster.json("topic list");
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|t| t["name"].as_str())
        .collect();
    assert!(names.contains(&format!("a-{suffix}").as_str()), "{names:?}");
    assert!(
        !names.contains(&format!("c-{suffix}").as_str()),
        "{names:?}"
    );

    cluster.ok("topic add-partitions a-NAME --total 3", "");
    assert!(
        cluster
            .fails("topic add-partitions a-NAME --total 1")
            .contains("INVALID_PARTITIONS")
    );
    cluster.ok(
        "topic alter a-NAME --set max.message.bytes=9999 --unset retention.ms",
        "",
    );
    let described = &cluster.json("topic describe a-NAME")[0];
    assert_eq!(described["partitions"].as_array().unwrap().len(), 3);
    assert_eq!(described["partitions"][2]["end_offset"], 0);
    let configs = serde_json::json!({"max.message.bytes": "9999"});
    assert_eq!(described["configs"], configs);
    assert!(
        cluster
            .ok("topic describe a-NAME", "")
            .contains("max.message.bytes=9999")
    );

    cluster.ok("topic delete a-NAME b-NAME", "");
    assert!(
        cluster
            .fails("topic describe a-NAME")
            .contains("UNKNOWN_TOPIC_OR_PARTITION")
    );
    assert!(cluster.fails("topic delete a-NAME").contains("hint:"));
    cluster.ok("topic delete a-NAME --if-exists", "");
}

#[test]
fn configurations_are_read_and_changed() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME", "");
    cluster.ok(
        "config set topic a-NAME retention.ms=7000 cleanup.policy=delete",
        "",
    );
    cluster.ok("config set topic a-NAME retention.ms=1 --dry-run", "");
    let entry = &cluster.json("config get topic a-NAME retention.ms")[0];
    assert_eq!(
        (entry["value"].as_str(), entry["source"].as_str()),
        (Some("7000"), Some("DYNAMIC_TOPIC_CONFIG"))
    );
    cluster.ok("config unset topic a-NAME retention.ms", "");
    let entry = &cluster.json("config get topic a-NAME retention.ms")[0];
    assert_eq!(entry["source"], "DEFAULT_CONFIG");
    assert!(
        cluster
            .fails("config set topic a-NAME no.such.key=1")
            .contains("INVALID_CONFIG")
    );
    assert!(
        cluster
            .fails("config get topic nix-NAME")
            .contains("UNKNOWN_TOPIC_OR_PARTITION")
    );

    let broker = cluster.json("cluster status")["brokers"][0]["id"].clone();
    let all = cluster.json(&format!("config get broker {broker} --all --docs"));
    assert!(all.as_array().unwrap().len() > 200);
    assert!(all[0]["documentation"].is_string());
    cluster.json("config get broker default");
}

#[test]
fn lines_go_in_and_come_out_in_every_codec() {
    let cluster = Cluster::start();
    let lines: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        cluster.ok(&format!("topic create {codec}-NAME"), "");
        cluster.ok(&format!("produce {codec}-NAME -z {codec}"), &lines);
        assert!(
            cluster.ok(&format!("consume {codec}-NAME"), "") == lines,
            "{codec}"
        );
    }
    cluster.ok("produce none-NAME --acks 1", "more\n");
    cluster.ok("produce none-NAME --acks 0", "and more\n");
    let last = "consume none-NAME --from 20000 --follow --max 2";
    assert_eq!(cluster.ok(last, ""), "more\nand more\n");
    assert_eq!(cluster.ok("consume none-NAME --from -1", ""), "and more\n");
    assert_eq!(cluster.ok("consume none-NAME --from latest", ""), "");
    assert_eq!(cluster.ok("consume none-NAME --from 99999", ""), "");
    assert_eq!(cluster.ok("consume none-NAME --max 1", ""), "line 0\n");
    assert_eq!(cluster.ok("consume none-NAME --since 2100-01-01", ""), "");
    assert_eq!(
        cluster
            .ok("consume none-NAME --since 1h", "")
            .lines()
            .count(),
        20_002
    );
    assert!(
        cluster
            .fails("consume nix-NAME")
            .contains("UNKNOWN_TOPIC_OR_PARTITION")
    );
}

#[test]
fn records_keep_keys_headers_nulls_and_partitions() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME b-NAME -p 3", "");
    // Kafka's own producer puts these keys into the same partitions.
    let keyed = "a:1\nab:2\ncustomer-7:NONE\n";
    cluster.ok("produce a-NAME -s : --null-value NONE -H h=x", keyed);
    let line = cluster.ok("consume a-NAME --partition 2 -s =", "");
    assert_eq!(line, "ab=2\n");
    let copied = cluster.ok("consume a-NAME --format json", "");
    assert_eq!(copied.lines().count(), 3);
    let tombstone = copied
        .lines()
        .find(|line| line.contains("customer-7"))
        .unwrap();
    let tombstone: Value = serde_json::from_str(tombstone).unwrap();
    assert_eq!(tombstone["value"], Value::Null);
    assert_eq!(
        tombstone["headers"],
        serde_json::json!([{"key": "h", "value": "x"}])
    );

    cluster.ok("produce b-NAME --format json", &copied);
    let copies = cluster.ok("consume b-NAME --format json", "");
    let mut copies: Vec<String> = copies
        .lines()
        .map(|line| line.replace("\"b-", "\"a-"))
        .collect();
    let mut originals: Vec<&str> = copied.lines().collect();
    copies.sort();
    originals.sort_unstable();
    assert_eq!(copies, originals);
    assert_eq!(cluster.run("produce b-NAME -s :", "no separator\n").code, 1);
}

#[test]
fn groups_read_on_where_they_were_and_can_be_moved() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME -p 2", "");
    cluster.ok("produce a-NAME -p 0", "one\ntwo\nthree\n");
    assert_eq!(
        cluster.ok("consume a-NAME -g g-NAME --max 2", ""),
        "one\ntwo\n"
    );
    let group = &cluster.json("group describe g-NAME")[0];
    assert_eq!(group["state"], "Empty");
    assert_eq!(group["offsets"][0]["committed_offset"], 2);
    assert_eq!(group["offsets"][0]["lag"], 1);
    assert_eq!(cluster.ok("consume a-NAME -g g-NAME", ""), "three\n");

    let shown = cluster.ok(
        "group reset-offsets g-NAME --topic a-NAME --to earliest",
        "",
    );
    assert!(shown.contains("FROM"));
    assert_eq!(cluster.ok("consume a-NAME -g g-NAME", ""), "");
    cluster.ok(
        "group reset-offsets g-NAME --topic a-NAME:0 --shift -1 --execute",
        "",
    );
    assert_eq!(cluster.ok("consume a-NAME -g g-NAME", ""), "three\n");
    cluster.ok(
        "group reset-offsets g-NAME --all-topics --to-time 1h --execute",
        "",
    );
    assert_eq!(
        cluster.ok("consume a-NAME -g g-NAME", "").lines().count(),
        3
    );

    let listed = cluster.ok("group list", "");
    assert!(
        listed.contains(&format!("g-{}", cluster.suffix)),
        "{listed}"
    );
    cluster.ok("group delete g-NAME", "");
    assert!(
        cluster
            .fails("group describe g-NAME")
            .contains("GROUP_ID_NOT_FOUND")
    );
}

#[test]
fn a_cluster_tells_its_status_and_a_log_its_batches() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME", "");
    cluster.ok("produce a-NAME", "one\ntwo\n");
    let status = cluster.json("cluster status");
    assert_eq!(status["partitions"]["offline"], 0);
    assert!(status["quorum"]["high_watermark"].as_i64().unwrap() > 0);
    assert!(
        cluster
            .ok("cluster status --check", "")
            .contains("Metadata quorum")
    );

    let partition = cluster.data.join(format!("a-{}-0", cluster.suffix));
    let dumped = cluster.ok(
        &format!("log dump {} --records -o json", partition.display()),
        "",
    );
    let batch: Value = serde_json::from_str(dumped.lines().next().unwrap()).unwrap();
    assert_eq!(batch["record_count"], 2);
    assert_eq!(batch["records"][1]["value"], "two");
    let yaml = cluster.yaml(&format!("log dump {}", partition.display()));
    assert_eq!(yaml.len(), 1);
    assert_eq!(yaml[0]["last_offset"], 1);
    let wrong = cluster.fails(&format!("log dump {}", cluster.data.display()));
    assert!(wrong.contains("orders-0"), "{wrong}");
}

#[test]
fn a_wrong_command_line_or_configuration_exits_with_2() {
    let run = |line: &str| {
        let output = Command::new(BINARY).args(line.split_whitespace()).output();
        output.unwrap().status.code()
    };
    assert_eq!(run("topic"), Some(2));
    assert_eq!(run("consume"), Some(2));
    assert_eq!(run("topic alter t"), Some(2));
    assert_eq!(run("config get broker here"), Some(2));
    assert_eq!(run("group reset-offsets g --topic t"), Some(2));
    assert_eq!(run("serve --set num.partition=1"), Some(2));
    assert_eq!(run("--log no=such=filter completions bash"), Some(2));
    assert_eq!(run("group list --state Fine"), Some(2));
    assert_eq!(run("topic list --bootstrap 127.0.0.1:1"), Some(1));
}

#[test]
fn every_shell_that_is_offered_gets_completions() {
    let tidelog = |line: &[&str]| {
        let output = Command::new(BINARY).args(line).output().unwrap();
        assert!(output.status.success(), "{line:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let help = tidelog(&["completions", "--help"]);
    let offered = help.split("possible values: ").nth(1).unwrap();
    let offered: Vec<&str> = offered.split(']').next().unwrap().split(", ").collect();
    assert!(offered.len() >= 3 && offered.contains(&"fish"), "{help}");
    for shell in offered {
        let script = tidelog(&["completions", shell]);
        for word in [
            "tidelog",
            "consume",
            "add-partitions",
            "reset-offsets",
            "--all-topics",
        ] {
            let word = if shell == "fish" {
                word.trim_start_matches("--")
            } else {
                word
            };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
