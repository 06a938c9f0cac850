//! How far the scrub of a node came, kept in its first log dir: whoever is restarted more often than a scrub is due, or
//! than it takes, would otherwise never see one through.

use std::fs;
use std::io;

use crate::checkpoint::{self, Sync};
use crate::log_dir::LogDir;

const FILE_NAME: &str = ".tidelog-scrubbed";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScrubMark {
    /// When the last pass was finished, or the first one began to be waited for.
    pub finished_ms: i64,
    /// What this pass has read last, in the order of names; empty before its first.
    pub reached: String,
}

impl LogDir {
    /// `None` if there is none that can be read: then nothing is known, and the next pass begins anew.
    pub fn scrub_mark(&self) -> Option<ScrubMark> {
        let text = fs::read_to_string(self.path().join(FILE_NAME)).ok()?;
        let (finished_ms, reached) = text
            .trim_end()
            .split_once(' ')
            .unwrap_or((text.trim_end(), ""));
        Some(ScrubMark {
            finished_ms: finished_ms.parse().ok()?,
            reached: reached.to_owned(),
        })
    }

    /// Written without an fsync: a power cut costs no more than some of the reading.
    pub fn set_scrub_mark(&self, mark: &ScrubMark) -> io::Result<()> {
        let text = format!("{} {}\n", mark.finished_ms, mark.reached);
        checkpoint::replace_file(&self.path().join(FILE_NAME), text.as_bytes(), Sync::Later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_a_broken_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let log_dir = LogDir::open(dir.path()).unwrap();
        assert_eq!(log_dir.scrub_mark(), None);
        for reached in ["", "some.topic-11"] {
            let mark = ScrubMark {
                finished_ms: 12,
                reached: reached.to_owned(),
            };
            log_dir.set_scrub_mark(&mark).unwrap();
            assert_eq!(log_dir.scrub_mark(), Some(mark));
        }
        for broken in [&b"x"[..], b"", b"1x y", b"\xff"] {
            fs::write(dir.path().join(FILE_NAME), broken).unwrap();
            assert_eq!(log_dir.scrub_mark(), None);
        }
    }
}
