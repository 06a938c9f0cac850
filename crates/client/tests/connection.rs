//! A connection against a broker that behaves, is old, is slow, or lies.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use client::{ClientError, ConnectOptions, Connection};
use kafka_protocol::messages::{HeartbeatRequest, ListGroupsRequest, MetadataRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const API_VERSIONS: i16 = 18;
const HEARTBEAT: i16 = 12;

/// What the fake broker does with one Heartbeat.
#[derive(Clone, Copy)]
enum Behaviour {
    Answer,
    AnswerAfter(Duration),
    AnswerAs(i32),
    Announce(i32),
}

/// Accepts one connection, serves ApiVersions and Heartbeat in version 0 only, and treats one
/// Heartbeat after the other as told. Its Heartbeat answers carry the error code 100, 101, ….
async fn broker(behaviours: &'static [Behaviour]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heartbeats = behaviours.iter().zip(100_i16..);
        while let Some(mut request) = read_frame(&mut stream).await {
            let (api, version) = (request.get_i16(), request.get_i16());
            let correlation_id = request.get_i32();
            if api == API_VERSIONS {
                write_frame(&mut stream, correlation_id, &api_versions(version)).await;
                continue;
            }
            let (behaviour, code) = heartbeats.next().unwrap();
            let body = code.to_be_bytes();
            match *behaviour {
                Behaviour::Answer => write_frame(&mut stream, correlation_id, &body).await,
                Behaviour::AnswerAfter(pause) => {
                    tokio::time::sleep(pause).await;
                    write_frame(&mut stream, correlation_id, &body).await;
                }
                Behaviour::AnswerAs(id) => write_frame(&mut stream, id, &body).await,
                Behaviour::Announce(length) => stream.write_i32(length).await.unwrap(),
            }
        }
    });
    address
}

/// Version 0 of the answer, whatever was asked; any other version is an error (KIP-511).
fn api_versions(version: i16) -> Bytes {
    let mut body = BytesMut::new();
    body.put_i16(if version == 0 { 0 } else { 35 });
    body.put_i32(2);
    for api in [API_VERSIONS, HEARTBEAT] {
        body.put_i16(api);
        body.put_i16(0);
        body.put_i16(0);
    }
    body.freeze()
}

async fn read_frame(stream: &mut TcpStream) -> Option<Bytes> {
    let length = stream.read_i32().await.ok()?;
    let mut frame = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame.into())
}

async fn write_frame(stream: &mut TcpStream, correlation_id: i32, body: &[u8]) {
    let length = i32::try_from(4 + body.len()).unwrap();
    stream.write_i32(length).await.unwrap();
    stream.write_i32(correlation_id).await.unwrap();
    stream.write_all(body).await.unwrap();
}

async fn connect(behaviours: &'static [Behaviour]) -> Connection {
    let options = ConnectOptions {
        request_timeout: Duration::from_millis(300),
        max_response_bytes: 1000,
        ..ConnectOptions::default()
    };
    let address = broker(behaviours).await;
    Connection::connect(&address, options).await.unwrap()
}

async fn heartbeat(connection: &Connection) -> Result<i16, ClientError> {
    let answer = connection.call(&HeartbeatRequest::default()).await?;
    Ok(answer.error_code)
}

#[tokio::test]
async fn an_old_broker_is_asked_again_in_the_version_that_it_has() {
    let connection = connect(&[Behaviour::Answer]).await;
    assert_eq!(heartbeat(&connection).await.unwrap(), 100);
    let missing = connection.call(&MetadataRequest::default()).await;
    assert!(matches!(missing, Err(ClientError::NotServed { .. })));
}

#[tokio::test]
async fn versions_are_negotiated_and_a_gap_is_told() {
    let connection = connect(&[]).await;
    assert_eq!(connection.version_of::<HeartbeatRequest>().unwrap(), 0);
    let gap = connection
        .call_up_to(-1, &HeartbeatRequest::default())
        .await;
    assert!(matches!(gap, Err(ClientError::NoCommonVersion { .. })));
    let missing = connection.version_of::<ListGroupsRequest>();
    assert!(matches!(missing, Err(ClientError::NotServed { .. })));
}

#[tokio::test]
async fn requests_are_pipelined_and_answered_in_order() {
    let connection = connect(&[Behaviour::Answer; 3]).await;
    let answers = tokio::join!(
        heartbeat(&connection),
        heartbeat(&connection),
        heartbeat(&connection)
    );
    let codes = (answers.0.unwrap(), answers.1.unwrap(), answers.2.unwrap());
    assert_eq!(codes, (100, 101, 102));
}

#[tokio::test]
async fn a_late_answer_is_dropped_and_shifts_no_other() {
    let late = Behaviour::AnswerAfter(Duration::from_millis(500));
    let connection = connect(Box::leak(Box::new([late, Behaviour::Answer]))).await;
    let first = heartbeat(&connection).await;
    assert!(matches!(first, Err(ClientError::Timeout { .. })));
    assert_eq!(heartbeat(&connection).await.unwrap(), 101);
}

#[tokio::test]
async fn an_answer_above_the_limit_closes_the_connection() {
    let connection = connect(&[Behaviour::Announce(1001)]).await;
    let error = heartbeat(&connection).await.unwrap_err();
    assert!(error.to_string().contains("1001 bytes"), "{error}");
    assert!(connection.is_closed());
    assert!(matches!(
        heartbeat(&connection).await,
        Err(ClientError::Closed { .. })
    ));
}

#[tokio::test]
async fn an_answer_to_something_else_closes_the_connection() {
    let connection = connect(&[Behaviour::AnswerAs(77)]).await;
    let error = heartbeat(&connection).await.unwrap_err();
    assert!(error.to_string().contains("answered request 77"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_a_connect_error() {
    let error = Connection::connect("127.0.0.1:1", ConnectOptions::default()).await;
    assert!(matches!(error, Err(ClientError::Connect { .. })));
}
