//! One socket to one broker.
//!
//! A task owns the socket. Frames reach it through a bounded queue; it writes them in order and
//! remembers who awaits which correlation id, and since Kafka answers a connection in order, the
//! next answer belongs to the oldest. A caller that gives up leaves its place in that order, so a
//! late answer is dropped and no other is shifted.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::{Message, Request, StrBytes, VersionRange};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::ClientError;
use crate::frame::{api_of, decode_response, encode_request};

/// Requests written and not yet answered; one more waits for an answer before it is written.
const MAX_IN_FLIGHT: usize = 64;
/// The version in which a client first introduces itself; a broker that lacks it says which it has.
const FIRST_API_VERSIONS_VERSION: i16 = 3;

/// How to reach a broker, and how long and how much to wait for.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    pub client_id: String,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    /// A larger answer closes the connection.
    pub max_response_bytes: usize,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            client_id: "tidelog".to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            max_response_bytes: 128 << 20,
        }
    }
}

/// A connection that has agreed on versions. Cheap to share by `Arc`; closes when dropped.
pub struct Connection {
    address: String,
    options: ConnectOptions,
    served: HashMap<i16, VersionRange>,
    next_correlation_id: AtomicI32,
    outgoing: mpsc::Sender<Outgoing>,
    close_reason: Arc<OnceLock<String>>,
}

struct Outgoing {
    frame: Bytes,
    awaiting: Awaiting,
}

enum Awaiting {
    Answer(ExpectedAnswer),
    /// For the one request that has no answer: Produce with acks=0.
    Written(oneshot::Sender<()>),
}

struct ExpectedAnswer {
    correlation_id: i32,
    reply: oneshot::Sender<Bytes>,
}

impl Connection {
    /// Connects to `host:port` and asks what it serves.
    pub async fn connect(address: &str, options: ConnectOptions) -> Result<Self, ClientError> {
        let refused = |reason: String| ClientError::Connect {
            address: address.to_owned(),
            reason,
        };
        let stream = tokio::time::timeout(options.connect_timeout, TcpStream::connect(address))
            .await
            .map_err(|_| refused(format!("no answer in {:?}", options.connect_timeout)))?
            .map_err(|error| refused(error.to_string()))?;
        stream
            .set_nodelay(true)
            .map_err(|error| refused(error.to_string()))?;

        let (outgoing, queue) = mpsc::channel(MAX_IN_FLIGHT);
        let close_reason = Arc::new(OnceLock::new());
        tokio::spawn(run(
            stream,
            queue,
            options.max_response_bytes,
            close_reason.clone(),
        ));
        let mut connection = Self {
            address: address.to_owned(),
            options,
            served: HashMap::new(),
            next_correlation_id: AtomicI32::new(0),
            outgoing,
            close_reason,
        };
        connection.served = connection.ask_versions().await?;
        tracing::debug!(address, apis = connection.served.len(), "connected");
        Ok(connection)
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn is_closed(&self) -> bool {
        self.outgoing.is_closed()
    }

    /// API key and versions of everything that the broker advertises.
    pub fn served(&self) -> &HashMap<i16, VersionRange> {
        &self.served
    }

    /// The newest version of `R` that both sides speak.
    pub fn version_of<R: Request>(&self) -> Result<i16, ClientError> {
        self.version_up_to::<R>(i16::MAX)
    }

    /// Calls in the newest common version.
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Response, ClientError> {
        self.call_at(self.version_of::<R>()?, request).await
    }

    /// Calls in the newest common version that is not above `newest`, for a request whose later
    /// versions are filled in differently (topic ids in place of names).
    pub async fn call_up_to<R: Request>(
        &self,
        newest: i16,
        request: &R,
    ) -> Result<R::Response, ClientError> {
        self.call_at(self.version_up_to::<R>(newest)?, request)
            .await
    }

    pub async fn call_at<R: Request>(
        &self,
        version: i16,
        request: &R,
    ) -> Result<R::Response, ClientError> {
        tracing::trace!(address = %self.address, api = ?api_of::<R>(), version, "request");
        let frame = self.exchange(version, request).await?;
        self.decode::<R>(frame, version)
    }

    /// Sends a request that the broker does not answer, and returns when it is written.
    pub async fn send_unanswered<R: Request>(
        &self,
        newest: i16,
        request: &R,
    ) -> Result<(), ClientError> {
        let version = self.version_up_to::<R>(newest)?;
        let frame = self.encode(version, request, self.correlation_id())?;
        let (written, done) = oneshot::channel();
        self.enqueue::<R, _>(frame, Awaiting::Written(written), done)
            .await
    }

    fn version_up_to<R: Request>(&self, newest: i16) -> Result<i16, ClientError> {
        let served = self
            .served
            .get(&R::KEY)
            .ok_or_else(|| ClientError::NotServed {
                address: self.address.clone(),
                api: api_of::<R>(),
            })?;
        let response = <R::Response as Message>::VERSIONS;
        let spoken = R::VERSIONS.intersect(&response).intersect(&VersionRange {
            min: 0,
            max: newest,
        });
        let common = served.intersect(&spoken);
        if common.is_empty() {
            return Err(ClientError::NoCommonVersion {
                address: self.address.clone(),
                api: api_of::<R>(),
                served: served.to_string(),
                spoken: spoken.to_string(),
            });
        }
        Ok(common.max)
    }

    /// The handshake of KIP-511: a broker that lacks our version answers in version 0 with the
    /// versions it has.
    async fn ask_versions(&self) -> Result<HashMap<i16, VersionRange>, ClientError> {
        let introduction = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("tidelog"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let frame = self
            .exchange(FIRST_API_VERSIONS_VERSION, &introduction)
            .await?;
        let unsupported = ResponseError::UnsupportedVersion.code().to_be_bytes();
        // Correlation id, then the error code: the same in every version.
        let mut answer = if frame.get(4..6) == Some(&unsupported) {
            self.call_at(0, &ApiVersionsRequest::default()).await?
        } else {
            self.decode::<ApiVersionsRequest>(frame, FIRST_API_VERSIONS_VERSION)?
        };
        crate::check(answer.error_code, None)?;
        Ok(advertised(&mut answer))
    }

    async fn exchange<R: Request>(&self, version: i16, request: &R) -> Result<Bytes, ClientError> {
        let correlation_id = self.correlation_id();
        let frame = self.encode(version, request, correlation_id)?;
        let (reply, answer) = oneshot::channel();
        let expected = ExpectedAnswer {
            correlation_id,
            reply,
        };
        self.enqueue::<R, _>(frame, Awaiting::Answer(expected), answer)
            .await
    }

    /// Hands a frame to the task and waits for what it is to report, within the timeout.
    async fn enqueue<R: Request, T>(
        &self,
        frame: Bytes,
        awaiting: Awaiting,
        report: oneshot::Receiver<T>,
    ) -> Result<T, ClientError> {
        let timeout = self.options.request_timeout;
        tokio::time::timeout(timeout, async {
            let outgoing = Outgoing { frame, awaiting };
            self.outgoing.send(outgoing).await.ok()?;
            report.await.ok()
        })
        .await
        .map_err(|_| ClientError::Timeout {
            address: self.address.clone(),
            api: api_of::<R>(),
            timeout_ms: timeout.as_millis(),
        })?
        .ok_or_else(|| self.closed(api_of::<R>()))
    }

    fn encode<R: Request>(
        &self,
        version: i16,
        request: &R,
        correlation_id: i32,
    ) -> Result<Bytes, ClientError> {
        encode_request(request, version, correlation_id, &self.options.client_id).map_err(
            |reason| ClientError::Encode {
                api: api_of::<R>(),
                version,
                reason,
            },
        )
    }

    fn decode<R: Request>(&self, frame: Bytes, version: i16) -> Result<R::Response, ClientError> {
        decode_response::<R>(frame, version).map_err(|reason| ClientError::Decode {
            address: self.address.clone(),
            api: api_of::<R>(),
            version,
            reason,
        })
    }

    fn correlation_id(&self) -> i32 {
        self.next_correlation_id.fetch_add(1, Ordering::Relaxed)
    }

    fn closed(&self, api: ApiKey) -> ClientError {
        let reason = self.close_reason.get().cloned();
        ClientError::Closed {
            address: self.address.clone(),
            api,
            reason: reason.unwrap_or_else(|| "the broker hung up".to_owned()),
        }
    }
}

fn advertised(answer: &mut ApiVersionsResponse) -> HashMap<i16, VersionRange> {
    let range = |min, max| VersionRange { min, max };
    answer
        .api_keys
        .drain(..)
        .map(|api| (api.api_key, range(api.min_version, api.max_version)))
        .collect()
}

/// The socket's task. It ends when the connection is dropped or either direction fails; dropping
/// the expected answers then wakes everybody who waits.
async fn run(
    stream: TcpStream,
    queue: mpsc::Receiver<Outgoing>,
    max_response_bytes: usize,
    close_reason: Arc<OnceLock<String>>,
) {
    let (reader, writer) = stream.into_split();
    let (expect, expected) = mpsc::channel(MAX_IN_FLIGHT);
    tokio::select! {
        written = write_frames(writer, queue, expect) => {
            if let Err(error) = written {
                let _ = close_reason.set(error.to_string());
            }
        }
        Err(reason) = read_frames(reader, expected, max_response_bytes) => {
            let _ = close_reason.set(reason);
        }
    }
}

async fn write_frames(
    mut writer: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Outgoing>,
    expect: mpsc::Sender<ExpectedAnswer>,
) -> std::io::Result<()> {
    while let Some(Outgoing { frame, awaiting }) = queue.recv().await {
        let written = match awaiting {
            Awaiting::Answer(answer) => {
                if expect.send(answer).await.is_err() {
                    return Ok(());
                }
                None
            }
            Awaiting::Written(written) => Some(written),
        };
        writer.write_all(&frame).await?;
        if let Some(written) = written {
            let _ = written.send(());
        }
    }
    Ok(())
}

async fn read_frames(
    mut reader: OwnedReadHalf,
    mut expected: mpsc::Receiver<ExpectedAnswer>,
    max_response_bytes: usize,
) -> Result<Infallible, String> {
    loop {
        let length = reader.read_i32().await.map_err(hung_up)?;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| (4..=max_response_bytes).contains(length))
            .ok_or_else(|| {
                format!(
                    "it announced an answer of {length} bytes (limit {max_response_bytes}); \
                     is this a plaintext Kafka listener?"
                )
            })?;
        let mut frame = BytesMut::zeroed(length);
        reader.read_exact(&mut frame).await.map_err(hung_up)?;
        let correlation_id = frame.first_chunk().copied().map_or(-1, i32::from_be_bytes);
        let answer = expected
            .try_recv()
            .map_err(|_| "it answered a request that was never sent".to_owned())?;
        if answer.correlation_id != correlation_id {
            return Err(format!(
                "it answered request {correlation_id} when {} was due",
                answer.correlation_id
            ));
        }
        // A caller that has given up no longer listens.
        let _ = answer.reply.send(frame.freeze());
    }
}

fn hung_up(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the broker hung up".to_owned(),
        _ => error.to_string(),
    }
}
