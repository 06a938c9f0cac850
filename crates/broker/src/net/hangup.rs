//! Notices that a peer is gone while nothing is read from it: what it sent before it closed may lie unread for as long as
//! its requests wait.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::TcpStream;

/// How often a connection that is not read from is asked whether its peer is still there.
const RECHECK: Duration = Duration::from_secs(1);

/// Returns once the peer has closed, however much of what it sent is still unread.
pub(super) async fn of(stream: &TcpStream) {
    loop {
        tokio::time::sleep(RECHECK).await;
        let mut asked = [PollFd::new(stream, PollFlags::RDHUP)];
        if poll(&mut asked, Some(&Timespec::default())).is_ok_and(|answers| answers > 0) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_close_behind_unread_bytes_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(b"unread").await.unwrap();
        assert!(
            timeout(RECHECK * 2, of(&server)).await.is_err(),
            "unread bytes alone are no close"
        );
        drop(client);
        timeout(RECHECK * 3, of(&server)).await.unwrap();
    }
}
