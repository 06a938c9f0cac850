use std::fs;

use config::BrokerConfig;
use format::BatchBuilder;
use store::Origin;

use super::*;

fn config(dirs: &[&Path]) -> BrokerConfig {
    let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let given = [("log.dirs".to_owned(), dirs.join(","))];
    BrokerConfig::new(given.into_iter().collect()).unwrap()
}

fn topic(id: u128, config: &BrokerConfig) -> Arc<Topic> {
    let topic_config = config.topic_defaults.clone();
    Topic::new("t".into(), Uuid::from_u128(id), topic_config)
}

/// Opens t-0 of the topic with this id, made in `dir` if there is none, and has it hold `records` more.
fn write(logs: &Logs, config: &BrokerConfig, id: u128, dir: &Path, records: usize) -> i64 {
    let assigned = logs.dirs().iter().find(|other| other.path() == dir);
    let assigned = assigned.unwrap().id();
    let topic = topic(id, config);
    let partition = logs.open_partition(&topic, 0, assigned, config).unwrap();
    partition.become_leader(0);
    for _ in 0..records {
        let mut batch = BatchBuilder::new(0);
        batch.append(1, None, Some(b"v"), &[]);
        let mut batch = batch.build().unwrap().to_vec();
        partition.append(&mut batch, Origin::Client, 1).unwrap();
    }
    partition.log().sync().unwrap();
    partition.log().log_end()
}

fn is_of(id: u128) -> impl Fn(&FoundPartition) -> bool {
    move |found| {
        let is_id = |found: Uuid| found == Uuid::from_u128(id);
        found.is_marked && found.topic_id.is_none_or(is_id)
    }
}

/// A topic is deleted and made again while a disk is away that has the old one's log.
#[test]
fn a_disk_that_comes_back_does_not_hide_a_newer_topic() {
    const OLD: u128 = 1;
    const NEW: u128 = 2;
    for says_whose in [true, false] {
        for returned_is_last in [true, false] {
            let temp = tempfile::tempdir().unwrap();
            let (stayed, returned) = (temp.path().join("a"), temp.path().join("b"));
            let both = if returned_is_last {
                [&*stayed, &*returned]
            } else {
                [&*returned, &*stayed]
            };
            let (both, alone) = (config(&both), config(&[&stayed]));
            write(&Logs::open(&both).unwrap(), &both, OLD, &returned, 2);
            write(&Logs::open(&alone).unwrap(), &alone, NEW, &stayed, 3);
            if !says_whose {
                fs::write(returned.join("t-0/partition.metadata"), "damaged").unwrap();
            }

            let logs = Logs::open(&both).unwrap();
            logs.set_strays_aside(is_of(NEW));
            assert_eq!(write(&logs, &both, NEW, &stayed, 1), 4);
            drop(logs);
            let kinds = |dir: &Path| -> Vec<bool> {
                let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
                let names = names.filter_map(|entry| entry.file_name().into_string().ok());
                let of_topic = names.filter(|name| name.starts_with("t-0"));
                of_topic.map(|name| name.ends_with("-stray")).collect()
            };
            assert_eq!(
                (kinds(&stayed), kinds(&returned)),
                (vec![false], vec![true])
            );
        }
    }
}

#[test]
fn a_partition_that_is_there_twice_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let (one, two) = (temp.path().join("a"), temp.path().join("b"));
    let both = config(&[&one, &two]);
    write(&Logs::open(&both).unwrap(), &both, 1, &one, 2);
    fs::create_dir(two.join("t-0")).unwrap();
    let mark = "t-0/partition.metadata";
    fs::copy(one.join(mark), two.join(mark)).unwrap();
    assert!(matches!(Logs::open(&both), Err(LogsError::Twice { .. })));
}

#[test]
fn a_log_without_an_id_is_taken_where_the_cluster_has_it() {
    let temp = tempfile::tempdir().unwrap();
    let (one, two) = (temp.path().join("a"), temp.path().join("b"));
    let both = config(&[&one, &two]);
    let directory_of = |logs: &Logs, dir: &Path| {
        let mut dirs = logs.dirs().iter();
        dirs.find(|other| other.path() == dir).unwrap().id()
    };
    let logs = Logs::open(&both).unwrap();
    let (id_of_one, id_of_two) = (directory_of(&logs, &one), directory_of(&logs, &two));
    write(&logs, &both, 1, &two, 2);
    drop(logs);
    for (assigned, is_taken) in [
        (id_of_one, false),
        (id_of_two, true),
        (directory::UNASSIGNED, true),
    ] {
        fs::write(two.join("t-0/partition.metadata"), "damaged").unwrap();
        let logs = Logs::open(&both).unwrap();
        logs.set_strays_aside(is_of(1));
        let opened = logs.open_partition(&topic(1, &both), 0, assigned, &both);
        match opened {
            Ok(partition) => assert!(is_taken && partition.log().log_end() == 2, "{assigned}"),
            Err(error) => assert!(!is_taken && matches!(error, LogsError::Nameless { .. })),
        }
        assert!(!one.join("t-0").exists(), "nor is one begun beside it");
    }
}

/// As a_disk_that_comes_back_does_not_hide_a_newer_topic, but the newer topic's disk is away in its turn.
#[test]
fn an_older_topics_log_without_an_id_does_not_stand_in_for_one_that_is_away() {
    const OLD: u128 = 1;
    const NEW: u128 = 2;
    let temp = tempfile::tempdir().unwrap();
    let (stays, away) = (temp.path().join("a"), temp.path().join("b"));
    let both = config(&[&stays, &away]);
    write(&Logs::open(&both).unwrap(), &both, OLD, &stays, 2);
    fs::rename(stays.join("t-0"), temp.path().join("kept")).unwrap();
    let logs = Logs::open(&both).unwrap();
    write(&logs, &both, NEW, &away, 3);
    let assigned = logs.dirs().iter().find(|dir| dir.path() == away);
    let assigned = assigned.unwrap().id();
    drop(logs);
    fs::rename(temp.path().join("kept"), stays.join("t-0")).unwrap();
    fs::write(stays.join("t-0/partition.metadata"), "damaged").unwrap();
    fs::rename(&away, temp.path().join("unplugged")).unwrap();
    fs::write(&away, "no directory").unwrap();

    let logs = Logs::open(&both).unwrap();
    assert_eq!(logs.lost(), [away]);
    logs.set_strays_aside(is_of(NEW));
    let opened = logs.open_partition(&topic(NEW, &both), 0, assigned, &both);
    assert!(matches!(opened, Err(LogsError::Nameless { .. })));
    assert!(stays.join("t-0").exists());
}

#[test]
fn a_checkpoint_tells_of_a_log_also_while_it_is_being_opened() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("a");
    let config = config(&[&dir]);
    write(&Logs::open(&config).unwrap(), &config, 1, &dir, 3);
    let starts = dir.join("log-start-offset-checkpoint");
    let points = dir.join("recovery-point-offset-checkpoint");
    fs::write(&starts, "0\n1\nt 0 1\n").unwrap();
    fs::write(&points, "0\n1\nt 0 3\n").unwrap();
    let logs = Logs::open(&config).unwrap();
    let (topics, topic) = (Topics::default(), topic(1, &config));
    topics.insert(topic.clone());
    let told = || {
        logs.write_recovery_points(&topics);
        assert!(logs.checkpoint_log_starts(&topics).is_empty());
        let of_t = |path: &Path| {
            let text = fs::read_to_string(path).unwrap();
            let offset = text.lines().find_map(|line| line.strip_prefix("t 0 "));
            offset.map(str::to_owned)
        };
        (of_t(&starts), of_t(&points))
    };
    let offsets = |start: i64| (Some(start.to_string()), Some("3".to_owned()));

    let unassigned = directory::UNASSIGNED;
    let partition = logs.open_partition(&topic, 0, unassigned, &config).unwrap();
    assert_eq!(told(), offsets(1), "before it is among the topics'");
    topic.insert_partitions([partition.clone()]);
    partition.log().delete_records_before(2).unwrap();
    assert_eq!(told(), offsets(2), "what holds now, not what held");
    logs.note_opened(&partition);
    assert_eq!(told(), offsets(2));
    assert!(logs.dirs()[0].unopened.lock().is_empty());
}
