//! Every bound of the broker that is not a configuration key, with its reason.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How long one request may wait for memory before those that hold it are pressed.
pub(crate) const PRESSING_AFTER: Duration = Duration::from_millis(500);
/// While others press, a request that is not whole brings so much …
pub(crate) const PRESSED_BYTES: usize = 1024 * 1024;
/// … in each such time, as any client does that is not far away or hostile; else its connection is closed.
pub(crate) const PRESSED_WINDOW: Duration = Duration::from_secs(1);
/// How long a request that is not whole keeps its share while there is no more of it to be had.
pub(crate) const STARVED_AFTER: Duration = Duration::from_secs(10);

/// How long a request that waits for its answer keeps its share of the memory. What it holds beyond is bounded by the
/// connections: each has one such request under way.
pub(crate) const SHARE_HELD: Duration = Duration::from_secs(1);

/// What a connection reads beside the head of its next request, outside the request budget: some dozens of small
/// pipelined requests, and little enough beside what the kernel buffers for the socket.
pub(crate) const READ_AHEAD_BYTES: usize = 8 * 1024;

/// Where memory is scarce a request is given at least so much at first, then as much again as has arrived: who sends
/// nothing holds next to nothing.
pub(crate) const FIRST_STEP_BYTES: usize = 1024;

/// As much as that it may come to hold in steps: a Produce as clients send them by default. Larger ones that find memory
/// scarce follow one another, so that there is one large buffer at a time.
pub(crate) const GROWN_BYTES: usize = 2 * 1024 * 1024;

/// Requests that are read into a spare buffer, if they may be in memory as a whole. All spares have the largest of these
/// sizes: what clients send by default, with its framing.
pub(crate) const SPARED_BYTES: RangeInclusive<usize> = 32 * 1024..=(1024 + 64) * 1024;
/// Spare buffers of a thread: as many large requests as it may well have under way at once. They stay, beside the budget.
pub(crate) const SPARE_BUFFERS: usize = 4;

/// A request of at most this size draws on a pool of its own, unless it is a Produce.
pub(crate) const SMALL_REQUEST_BYTES: usize = 16 * 1024;
/// What all small requests may hold together, beside `queued.max.request.bytes`.
pub(crate) const SMALL_REQUESTS_BYTES: usize = 4 * 1024 * 1024;

/// Requests of one connection that may be begun before the first is answered: enough for a Java producer's five and a
/// consumer's fetch, few enough that one connection cannot park without bound.
pub(crate) const MAX_BEGUN_PER_CONNECTION: usize = 16;

/// File ranges from this size on go by sendfile; smaller ones are cheaper copied into the same sendmsg as their header.
pub(crate) const SENDFILE_FROM_BYTES: u32 = 16 * 1024;

/// Bytes gathered into one write: bounds the copy of small ranges.
pub(crate) const GATHER_BYTES: usize = 128 * 1024;

/// How long a full socket is waited for before it is simply tried again. Where both ends have filled their buffers, the
/// kernel may come to have room, by merging what it sends once more, without telling anybody.
pub(crate) const SEND_RECHECK: Duration = Duration::from_millis(200);

/// Bytes that a socket whose buffer the kernel sizes holds beyond what the peer's window lets it send. They are pages of
/// files, which a slow consumer keeps in memory meanwhile; smaller pieces cost a fast one more wake-ups.
pub(crate) const MAX_UNSENT_BYTES: u32 = 512 * 1024;

/// Bytes handed to the socket in one turn, so that a fast reader does not keep the other connections of its worker.
pub(crate) const SEND_TURN_BYTES: usize = 1024 * 1024;

/// Connections handed to a worker that it has not yet taken up.
pub(crate) const ACCEPT_QUEUE: usize = 1024;

/// What a compressed batch may expand to where its records must be looked at: Kafka's own limit on a whole request.
pub(crate) const MAX_DECOMPRESSED_BATCH_BYTES: usize = 100 * 1024 * 1024;

/// How much more than one batch the batches of one Produce may expand to together, where their records must be looked at, as
/// a multiple of the request: it is the worker that looks, and its other connections wait meanwhile. Records that somebody
/// uses seldom compress better.
pub(crate) const MAX_REQUEST_EXPANSION: usize = 16;

/// Logs may keep one in so many of the process's descriptors open; connections need the others.
pub(crate) const OPEN_FILES_SHARE: u64 = 4;

/// What the scrubber reads: a terabyte in less than a day, and a small part of what any disk can do.
pub(crate) const SCRUB_BYTES_PER_SECOND: u64 = 16 * 1024 * 1024;

/// Threads of a connection worker that may wait for the disk: cold reads and look-ups by time.
pub(crate) const BLOCKING_THREADS: usize = 4;

/// Controller requests that wait to be decided; more wait in their connections.
pub(crate) const CONTROLLER_QUEUE: usize = 1024;

/// Controller requests whose records are committed as one batch.
pub(crate) const CONTROLLER_BATCH: usize = 128;

/// Topics that are being created because somebody asked for them; who asks for more asks again.
pub(crate) const MAX_TOPICS_BEING_CREATED: usize = 256;

/// How often the log directories are compared with what the metadata says of them.
pub(crate) const DIRECTORY_REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Replicas whose directory one request tells: their records fit the controller's bound on a request.
pub(crate) const DIRECTORY_REPORT_PARTITIONS: usize = 2000;

/// Partitions that one fetch session remembers; a client that adds more begins anew, with a full fetch.
pub(crate) const MAX_FETCH_SESSION_PARTITIONS: usize = 100_000;

/// What all fetch sessions together may remember: half a million partitions and more. Where a session does not fit, its
/// client is served without one.
pub(crate) const MAX_FETCH_SESSIONS_BYTES: usize = 64 * 1024 * 1024;

/// Partitions that all waiting Fetches together may wait for, at some hundred bytes each; a Fetch beyond is answered at once.
pub(crate) const MAX_PARKED_FETCH_PARTITIONS: usize = 500_000;
