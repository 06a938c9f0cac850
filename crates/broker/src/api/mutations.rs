//! What the requests have in common that the controller decides: how long to wait for it.

use std::future::Future;
use std::time::Duration;

use wire::ErrorCode;

/// The controller's answer, if it comes within the time that the client gave. What was asked may still happen after that.
/// A client that gives no time gets no decision either, as in Kafka.
pub(super) async fn within<R>(
    timeout_ms: i32,
    answer: impl Future<Output = Result<R, ErrorCode>>,
) -> Result<R, ErrorCode> {
    let timeout = match u64::try_from(timeout_ms) {
        Ok(timeout_ms) if timeout_ms > 0 => Duration::from_millis(timeout_ms),
        _ => return Err(ErrorCode::RequestTimedOut),
    };
    match tokio::time::timeout(timeout, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(ErrorCode::RequestTimedOut),
    }
}
