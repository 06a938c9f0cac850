//! A broker to run the command line against: one that the test starts, or with
//! `TIDELOG_TEST_BOOTSTRAP` any Kafka at that address, whose log directory `TIDELOG_TEST_DATA` names.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;
use serde_json::Value;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tidelog");
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Kafka answers a change before its brokers have heard of it.
const SETTLING: Duration = Duration::from_millis(200);

/// A broker, and a suffix that makes this test's names its own.
pub(crate) struct Cluster {
    bootstrap: String,
    pub(crate) suffix: String,
    /// Where its partitions' directories are.
    pub(crate) data: PathBuf,
    /// The broker that this test started, with its data.
    started: Option<(Child, tempfile::TempDir)>,
}

pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let suffix = format!("{}-{}", std::process::id(), now.unwrap().as_nanos());
        if let Ok(bootstrap) = std::env::var("TIDELOG_TEST_BOOTSTRAP") {
            let data = std::env::var("TIDELOG_TEST_DATA").unwrap().into();
            return Self {
                bootstrap,
                suffix,
                data,
                started: None,
            };
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let bootstrap = free.local_addr().unwrap().to_string();
        drop(free);
        let dir = tempfile::tempdir().unwrap();
        let broker = Command::new(BINARY)
            .args(["serve", "--listen", &bootstrap, "--data-dir"])
            .arg(dir.path())
            .args(["--set", "group.initial.rebalance.delay.ms=0"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let cluster = Self {
            bootstrap,
            suffix,
            data: dir.path().to_owned(),
            started: Some((broker, dir)),
        };
        let deadline = Instant::now() + START_PATIENCE;
        while cluster.run("cluster status", "").code != 0 {
            assert!(Instant::now() < deadline, "the broker does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
    }

    /// Runs a command line, `NAME` in it standing for this test's suffix.
    pub(crate) fn run(&self, line: &str, stdin: &str) -> Outcome {
        let line = line.replace("NAME", &self.suffix);
        let mut tidelog = Command::new(BINARY)
            .args(line.split_whitespace())
            .env("TIDELOG_BOOTSTRAP", &self.bootstrap)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The child may end without reading its input, which is its own business.
        let _ = tidelog.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = tidelog.wait_with_output().unwrap();
        let changing = ["topic ", "config "]
            .iter()
            .any(|verb| line.starts_with(verb));
        if changing && self.started.is_none() {
            std::thread::sleep(SETTLING);
        }
        Outcome {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs what has to succeed, and returns what it prints.
    pub(crate) fn ok(&self, line: &str, stdin: &str) -> String {
        let outcome = self.run(line, stdin);
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
        outcome.stdout
    }

    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} -o json"), "")).unwrap()
    }

    /// The YAML documents that a verb prints.
    pub(crate) fn yaml(&self, line: &str) -> Vec<Value> {
        let printed = self.ok(&format!("{line} -o yaml"), "");
        serde_yaml_ng::Deserializer::from_str(&printed)
            .map(|document| Value::deserialize(document).unwrap())
            .collect()
    }

    /// What a verb tells scripts when some of it failed, and ends with 1.
    pub(crate) fn failed_json(&self, line: &str) -> Value {
        let outcome = self.run(&format!("{line} -o json"), "");
        assert_eq!(outcome.code, 1, "{line}: {}", outcome.stdout);
        assert!(outcome.stderr.contains("error: "), "{}", outcome.stderr);
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// Runs what has to fail with 1, and returns what it says about that.
    pub(crate) fn fails(&self, line: &str) -> String {
        let outcome = self.run(line, "");
        assert_eq!(outcome.code, 1, "{line}: {}", outcome.stdout);
        outcome.stderr
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some((broker, _)) = &mut self.started {
            let _ = broker.kill();
            let _ = broker.wait();
        }
    }
}
