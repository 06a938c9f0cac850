//! What scripts read: each verb's document in JSON and YAML, with what failed in it.

use serde_json::{Value, json};

use crate::cluster::Cluster;

/// A verb's one YAML document, which has to say what its JSON says.
fn alike(cluster: &Cluster, line: &str) -> Value {
    let json = cluster.json(line);
    let [yaml] = <[Value; 1]>::try_from(cluster.yaml(line)).unwrap();
    assert_eq!(yaml, json, "{line}");
    json
}

fn rows(document: &Value) -> &[Value] {
    document.as_array().unwrap()
}

/// The row in which `key` is `value`.
fn row<'a>(document: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = rows(document).iter().find(|row| row[key] == value);
    found.unwrap_or_else(|| panic!("no {key} {value} in {document}"))
}

#[test]
fn what_changes_something_tells_it_in_one_document() {
    let cluster = Cluster::start();
    let topic = format!("a-{}", cluster.suffix);
    let done = |outcome: &str| json!([{"kind": "topic", "name": topic, "outcome": outcome}]);
    for (line, outcome) in [
        ("topic create a-NAME --dry-run", "would be created"),
        ("topic create a-NAME -p 2", "created"),
        ("topic create a-NAME --if-not-exists", "exists already"),
        (
            "topic alter a-NAME --set retention.ms=1 --dry-run",
            "would be changed",
        ),
        ("topic alter a-NAME --set retention.ms=5000", "changed"),
        (
            "topic add-partitions a-NAME --total 3 --dry-run",
            "would have 3 partitions",
        ),
        ("topic add-partitions a-NAME --total 3", "has 3 partitions"),
        (
            "config set topic a-NAME segment.ms=9000 --dry-run",
            "would be changed",
        ),
        ("config set topic a-NAME segment.ms=9000", "changed"),
        ("config unset topic a-NAME segment.ms", "changed"),
        ("topic delete a-NAME", "deleted"),
        ("topic delete a-NAME --if-exists", "was not there"),
    ] {
        assert_eq!(cluster.json(line), done(outcome), "{line}");
    }
    assert_eq!(
        cluster.yaml("topic create a-NAME"),
        [done("created")],
        "in YAML"
    );
    let told = cluster.ok("topic alter a-NAME --set retention.ms=5000", "");
    assert_eq!(told, format!("topic {topic}: changed\n"));
    let told = cluster.ok("topic add-partitions a-NAME --total 3", "");
    assert_eq!(told, format!("topic {topic}: has 3 partitions\n"));
}

#[test]
fn what_failed_stands_in_the_document_beside_what_was_done() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME", "");
    let (a, b) = (
        format!("a-{}", cluster.suffix),
        format!("b-{}", cluster.suffix),
    );

    let created = cluster.failed_json("topic create a-NAME b-NAME");
    assert_eq!(rows(&created).len(), 2);
    assert_eq!(row(&created, "name", &b)["outcome"], "created");
    let refused = row(&created, "name", &a);
    assert_eq!(refused["outcome"], "failed");
    assert_eq!(refused["error"], "TOPIC_ALREADY_EXISTS");
    assert!(
        refused["message"].as_str().unwrap().contains(&a),
        "{refused}"
    );

    let described = cluster.failed_json("topic describe nix-NAME a-NAME");
    assert_eq!(described[0]["error"], "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(described[1]["name"], a);
    assert_eq!(rows(&described[1]["partitions"]).len(), 1);

    for (line, error) in [
        ("topic alter a-NAME --set retention.ms=x", "INVALID_CONFIG"),
        (
            "topic add-partitions a-NAME --total 1",
            "INVALID_PARTITIONS",
        ),
        ("topic delete nix-NAME", "UNKNOWN_TOPIC_OR_PARTITION"),
        ("config set topic a-NAME no.such.key=1", "INVALID_CONFIG"),
        (
            "config unset topic nix-NAME retention.ms",
            "UNKNOWN_TOPIC_OR_PARTITION",
        ),
        ("group delete nix-NAME", "GROUP_ID_NOT_FOUND"),
        ("group describe nix-NAME", "GROUP_ID_NOT_FOUND"),
    ] {
        let document = cluster.failed_json(line);
        assert_eq!(rows(&document).len(), 1, "{line}");
        assert_eq!(document[0]["outcome"], "failed", "{line}");
        assert_eq!(document[0]["error"], error, "{line}");
    }
}

#[test]
fn what_shows_something_says_the_same_in_yaml() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME --config retention.ms=5000", "");
    cluster.ok("produce a-NAME", "one\ntwo\n");
    cluster.ok("consume a-NAME -g g-NAME", "");
    let topic = format!("a-{}", cluster.suffix);

    let described = alike(&cluster, "topic describe a-NAME");
    assert_eq!(described[0]["configs"]["retention.ms"], "5000");
    let entry = alike(&cluster, "config get topic a-NAME retention.ms");
    assert_eq!(entry[0]["value"], "5000");
    let group = alike(&cluster, "group describe g-NAME");
    assert_eq!(group[0]["offsets"][0]["lag"], 0);
    let moves = alike(
        &cluster,
        "group reset-offsets g-NAME --topic a-NAME --to earliest",
    );
    let expected = json!({"topic": topic, "partition": 0, "from": 2, "to": 0});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&moves[0][key], value, "{key}");
    }
    assert_eq!(moves[0]["outcome"], "would be moved");
    // Other tests' topics, groups and sizes come and go at a broker that they share.
    let listed = &cluster.yaml("topic list")[0];
    assert_eq!(row(listed, "name", &topic)["partitions"], 1);
    let status = &cluster.yaml("cluster status")[0];
    assert!(status["brokers"][0]["id"].is_i64(), "{status}");
}

#[test]
fn records_are_told_and_printed_in_json_and_yaml() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME", "");
    let topic = format!("a-{}", cluster.suffix);
    let written = cluster.ok("produce a-NAME -o json", "one\ntwo\n");
    let written: Value = serde_json::from_str(&written).unwrap();
    let partitions = json!([{"partition": 0, "records": 2, "first_offset": 0, "last_offset": 1}]);
    assert_eq!(
        written,
        json!({"topic": topic, "records": 2, "partitions": partitions})
    );
    let told = cluster.ok("produce a-NAME --acks 0", "three\n");
    assert_eq!(told, format!("topic {topic}: 1 record written\n"));

    // What acks=0 wrote may be on its way.
    cluster.ok("consume a-NAME --from 2 --follow --max 1", "");
    let lines = cluster.ok("consume a-NAME -o json", "");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[2]["value"], "three");
    assert_eq!(cluster.yaml("consume a-NAME"), lines);
    assert_eq!(cluster.yaml("consume a-NAME --max 1")[0], lines[0]);

    let wrong = cluster.fails("produce a-NAME --partition 7");
    assert!(wrong.contains("has 1 partition"), "{wrong}");
    let wrong = cluster.run("produce a-NAME --format json -o json", "{}\n{\n");
    assert_eq!(wrong.code, 1);
    let written: Value = serde_json::from_str(&wrong.stdout).unwrap();
    assert_eq!(written["topic"], topic);
}

#[test]
fn groups_are_listed_by_state_and_deleted_one_by_one() {
    let cluster = Cluster::start();
    cluster.ok("topic create a-NAME", "");
    cluster.ok("consume a-NAME -g g-NAME", "");
    let group = format!("g-{}", cluster.suffix);
    let listed = |state: &str| cluster.json(&format!("group list --state {state}"));
    assert_eq!(row(&listed("empty"), "group", &group)["state"], "Empty");
    let stable = listed("Stable");
    assert!(rows(&stable).iter().all(|row| row["group"] != group));
    let yaml = &cluster.yaml("group list --state Empty")[0];
    assert_eq!(row(yaml, "group", &group)["type"], "classic");

    let deleted = cluster.failed_json("group delete nix-NAME g-NAME");
    assert_eq!(deleted[0]["error"], "GROUP_ID_NOT_FOUND");
    let done = json!({"kind": "group", "name": group, "outcome": "deleted"});
    assert_eq!(deleted[1], done);
    let wrong = cluster.fails("group reset-offsets g-NAME --all-topics --to latest");
    assert!(wrong.contains("committed nothing"), "{wrong}");
    let wrong = cluster.fails("group reset-offsets g-NAME --topic a-NAME --shift 1");
    assert!(wrong.contains("--to earliest"), "{wrong}");
}

#[test]
fn a_broker_is_configured_alone_and_with_all_others() {
    const KEY: &str = "log.cleaner.threads";
    let cluster = Cluster::start();
    let id = cluster.json("cluster status")["brokers"][0]["id"].to_string();
    let set = cluster.json(&format!("config set broker {id} {KEY}=2"));
    let done = |name: &str| json!([{"kind": "broker", "name": name, "outcome": "changed"}]);
    assert_eq!(set, done(&id));
    let set = cluster.json(&format!("config set broker default {KEY}=1"));
    assert_eq!(set, done("default"));

    let entry = |name: &str| alike(&cluster, &format!("config get broker {name} {KEY}"));
    let source = |name: &str| entry(name)[0]["source"].clone();
    assert_eq!(entry(&id)[0]["value"], "2");
    assert_eq!(source(&id), "DYNAMIC_BROKER_CONFIG");
    assert_eq!(entry("default")[0]["value"], "1");
    cluster.ok(&format!("config unset broker {id} {KEY}"), "");
    assert_eq!(source(&id), "DYNAMIC_DEFAULT_BROKER_CONFIG");
    cluster.ok(&format!("config unset broker default {KEY}"), "");
    assert_eq!(source(&id), "DEFAULT_CONFIG");

    let refused = cluster.run(&format!("config set broker {id} log.dirs=/x"), "");
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("start the broker again"),
        "{}",
        refused.stderr
    );
    let slip = cluster.run(&format!("config set broker {id} log.retention.mss=1"), "");
    assert!(
        slip.stderr.contains("no setting `log.retention.mss`"),
        "{}",
        slip.stderr
    );
    cluster.ok(&format!("config unset broker {id} log.retention.mss"), "");
    assert!(
        cluster
            .fails("config set broker 4711 a=b")
            .contains("cluster status")
    );
}
