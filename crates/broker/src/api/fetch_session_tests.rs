use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn wanted(partition: i32, fetch_offset: i64) -> Wanted {
    Wanted {
        topic: TopicRef::Name("t".into()),
        partition,
        fetch_offset,
        max_bytes: 1,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
    }
}

fn request(id: i32, epoch: i32, wanted: Vec<Wanted>) -> SessionRequest {
    SessionRequest {
        id,
        epoch,
        by_topic_id: false,
        wanted,
        forgotten: Vec::new(),
    }
}

fn quiet(high_watermark: i64) -> Outcome {
    Outcome {
        has_records: false,
        notable: false,
        high_watermark,
        log_start: 0,
    }
}

fn begin(sessions: &FetchSessions, partitions: i32) -> i32 {
    let wanted = (0..partitions)
        .map(|partition| wanted(partition, 0))
        .collect();
    let mut next = 40;
    let context = sessions.open(request(0, 0, wanted), 0, || {
        next += 1;
        next
    });
    let context = context.unwrap();
    context.select(&vec![quiet(0); partitions as usize]);
    context.session_id()
}

#[test]
fn an_incremental_answer_holds_only_what_changed() {
    let sessions = FetchSessions::new(10);
    let id = begin(&sessions, 3);
    let context = sessions.open(request(id, 1, vec![]), 0, || 0).unwrap();
    assert_eq!(context.wanted().len(), 3);
    let outcomes = [
        quiet(0),
        Outcome {
            has_records: true,
            ..quiet(9)
        },
        quiet(5),
    ];
    assert_eq!(context.select(&outcomes), [false, true, true]);
    let context = sessions
        .open(request(id, 2, vec![wanted(1, 9)]), 0, || 0)
        .unwrap();
    let order: Vec<_> = context
        .wanted()
        .iter()
        .map(|wanted| (wanted.partition, wanted.fetch_offset))
        .collect();
    assert_eq!(
        order,
        [(0, 0), (2, 0), (1, 9)],
        "the one with records went to the back, with its new offset"
    );
    assert_eq!(
        context.select(&[quiet(0), quiet(5), quiet(9)]),
        [false, false, false]
    );
}

#[test]
fn an_error_is_told_every_time_and_so_is_its_end() {
    let sessions = FetchSessions::new(10);
    let id = begin(&sessions, 1);
    let failed = Outcome {
        notable: true,
        ..quiet(-1)
    };
    for (epoch, outcome, told) in [
        (1, failed, true),
        (2, failed, true),
        (3, quiet(0), true),
        (4, quiet(0), false),
    ] {
        let context = sessions.open(request(id, epoch, vec![]), 0, || 0).unwrap();
        assert_eq!(context.select(&[outcome]), [told], "epoch {epoch}");
    }
}

#[test]
fn wrong_epochs_and_ids_are_refused() {
    let sessions = FetchSessions::new(10);
    let id = begin(&sessions, 1);
    assert_eq!(
        sessions.open(request(id, 5, vec![]), 0, || 0).unwrap_err(),
        SessionError::InvalidEpoch
    );
    assert_eq!(
        sessions
            .open(request(id + 1, 1, vec![]), 0, || 0)
            .unwrap_err(),
        SessionError::IdNotFound
    );
    let by_id = SessionRequest {
        by_topic_id: true,
        ..request(id, 1, vec![])
    };
    assert_eq!(
        sessions.open(by_id, 0, || 0).unwrap_err(),
        SessionError::TopicIdMismatch
    );
}

#[test]
fn forgetting_everything_ends_the_session() {
    let sessions = FetchSessions::new(10);
    let id = begin(&sessions, 1);
    let forget = SessionRequest {
        forgotten: vec![(TopicRef::Name("t".into()), 0)],
        ..request(id, 1, vec![])
    };
    assert_eq!(sessions.open(forget, 0, || 0).unwrap().session_id(), 0);
    assert_eq!(
        sessions.open(request(id, 2, vec![]), 0, || 0).unwrap_err(),
        SessionError::IdNotFound
    );
}

#[test]
fn only_a_quiet_session_makes_room() {
    let sessions = FetchSessions::new(1);
    let first = begin(&sessions, 1);
    let later = |now_ms| {
        sessions
            .open(request(0, 0, vec![wanted(0, 0)]), now_ms, || 7)
            .unwrap()
            .session_id()
    };
    assert_eq!(later(EVICTABLE_AFTER_MS - 1), 0, "no room, so no session");
    assert_eq!(later(EVICTABLE_AFTER_MS), 7);
    assert_eq!(
        sessions
            .open(request(first, 1, vec![]), 0, || 0)
            .unwrap_err(),
        SessionError::IdNotFound
    );
}

#[test]
fn sessions_that_end_and_begin_at_once_do_not_wait_for_each_other() {
    let sessions = FetchSessions::new(1);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2_000 {
                let id = begin(&sessions, 1);
                let mut ending = request(id, 1, vec![]);
                ending.forgotten = vec![(TopicRef::Name("t".into()), 0)];
                _ = sessions.open(ending, 0, || 0);
            }
            ended.store(true, Ordering::Release);
        });
        // Looks through the sessions for one to evict whenever the other thread has one.
        while !ended.load(Ordering::Acquire) {
            let newcomer = request(0, INITIAL_EPOCH, vec![wanted(0, 0)]);
            let context = sessions.open(newcomer, 0, || 7).unwrap();
            if context.session_id() != 0 {
                _ = sessions.open(request(context.session_id(), FINAL_EPOCH, vec![]), 0, || 0);
            }
        }
    });
}

#[test]
fn sessions_share_a_bounded_memory() {
    let sessions = FetchSessions::new(1_000);
    let partitions = 90_000;
    let mut ids: Vec<i32> = Vec::new();
    let mut open = |now_ms| {
        let wanted = (0..partitions).map(|partition| wanted(partition, 0));
        let id = i32::try_from(ids.len()).unwrap() + 1;
        let context = sessions.open(request(0, 0, wanted.collect()), now_ms, || id);
        let id = context.unwrap().session_id();
        ids.push(id);
        id
    };
    while open(0) != 0 {}
    let bytes = || {
        let table = sessions.sessions.lock();
        let sum: usize = table.by_id.values().map(|(_, bytes)| bytes).sum();
        assert_eq!(table.bytes, sum);
        sum
    };
    assert!(bytes() <= MAX_FETCH_SESSIONS_BYTES);
    assert!(bytes() + partitions as usize * size_of::<Slot>() > MAX_FETCH_SESSIONS_BYTES / 2);
    assert_ne!(open(EVICTABLE_AFTER_MS), 0, "a quiet one makes room");
    // One that grows beyond the bound is told to begin anew.
    let small = begin(&sessions, 1);
    assert_ne!(small, 0);
    let more = (1..partitions).map(|partition| wanted(partition, 0));
    let grown = sessions.open(request(small, 1, more.collect()), 0, || 0);
    assert_eq!(grown.unwrap_err(), SessionError::IdNotFound);
    assert!(bytes() <= MAX_FETCH_SESSIONS_BYTES);
}

#[test]
fn parked_fetches_are_bounded_together() {
    let sessions = FetchSessions::new(1);
    let most = sessions.may_park(MAX_PARKED_FETCH_PARTITIONS);
    assert!(most.is_some() && sessions.may_park(1).is_none());
    drop(most);
    assert!(sessions.may_park(1).is_some());
}
