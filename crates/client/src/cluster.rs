//! A cluster as a client sees it: addresses to begin with, brokers by id, and who coordinates whom.
//!
//! Connections are made when first needed, kept, and replaced when found closed.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::FindCoordinatorRequest;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Mutex;

use crate::{ClientError, ConnectOptions, Connection, Metadata, TopicFilter, check};

/// The pause between two attempts at something that the cluster is about to have ready.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// From version 4 on, FindCoordinator takes a list of keys; one at a time is all we ask.
const FIND_ONE_COORDINATOR_VERSION: i16 = 3;

pub struct Cluster {
    bootstrap: Vec<String>,
    options: ConnectOptions,
    /// By address, so that a bootstrap address that is also a broker's is one connection.
    connections: Mutex<HashMap<String, Arc<Connection>>>,
    /// Addresses by broker id, from the newest metadata.
    addresses: Mutex<HashMap<i32, String>>,
}

impl Cluster {
    /// Names a cluster by some of its addresses (`host:port`); connects to nothing yet.
    pub fn new(bootstrap: Vec<String>, options: ConnectOptions) -> Self {
        Self {
            bootstrap,
            options,
            connections: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    /// A connection to the first bootstrap address that answers.
    pub async fn any(&self) -> Result<Arc<Connection>, ClientError> {
        let mut failure = ClientError::Connect {
            address: "the cluster".to_owned(),
            reason: "no bootstrap address is given".to_owned(),
        };
        for address in &self.bootstrap {
            match self.at(address).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub async fn broker(&self, id: i32) -> Result<Arc<Connection>, ClientError> {
        if !self.addresses.lock().await.contains_key(&id) {
            self.metadata(TopicFilter::Nothing, false).await?;
        }
        let address = self.addresses.lock().await.get(&id).cloned();
        self.at(&address.ok_or(ClientError::NoSuchBroker(id))?)
            .await
    }

    /// The broker to send controller requests to.
    pub async fn controller(&self) -> Result<Arc<Connection>, ClientError> {
        let metadata = self.metadata(TopicFilter::Nothing, false).await?;
        self.broker(metadata.controller_id).await
    }

    pub async fn metadata(
        &self,
        topics: TopicFilter<'_>,
        auto_create: bool,
    ) -> Result<Metadata, ClientError> {
        let connection = self.any().await?;
        let answer = connection
            .call(&Metadata::request(topics, auto_create))
            .await?;
        check(answer.error_code, None)?;
        let metadata = Metadata::from(answer);
        let mut addresses = self.addresses.lock().await;
        *addresses = metadata
            .brokers
            .iter()
            .map(|broker| (broker.id, broker.address()))
            .collect();
        Ok(metadata)
    }

    /// The coordinator of a consumer group. Waits while the cluster is still making one available.
    pub async fn coordinator(&self, group_id: &str) -> Result<Arc<Connection>, ClientError> {
        self.patiently(|| self.find_coordinator(group_id)).await
    }

    /// Repeats `attempt` while the answer is that a coordinator is moving, loading or not there
    /// yet, for as long as one request may take.
    pub async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let deadline = Instant::now() + self.options.request_timeout;
        loop {
            match attempt().await {
                Err(error) if passes(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn find_coordinator(&self, group_id: &str) -> Result<Arc<Connection>, ClientError> {
        let request =
            FindCoordinatorRequest::default().with_key(StrBytes::from_string(group_id.to_owned()));
        let answer = self
            .any()
            .await?
            .call_up_to(FIND_ONE_COORDINATOR_VERSION, &request)
            .await?;
        check(answer.error_code, answer.error_message.as_ref())?;
        self.broker(answer.node_id.0).await
    }

    /// Holding the lock while connecting makes two callers share one attempt.
    async fn at(&self, address: &str) -> Result<Arc<Connection>, ClientError> {
        let mut connections = self.connections.lock().await;
        if let Some(connection) = connections.get(address)
            && !connection.is_closed()
        {
            return Ok(connection.clone());
        }
        let connection = Connection::connect(address, self.options.clone()).await?;
        let connection = Arc::new(connection);
        connections.insert(address.to_owned(), connection.clone());
        Ok(connection)
    }
}

/// Whether a refusal of a coordinator goes away by waiting.
fn passes(error: &ClientError) -> bool {
    matches!(
        error.refusal(),
        Some(
            ResponseError::CoordinatorLoadInProgress
                | ResponseError::CoordinatorNotAvailable
                | ResponseError::NotCoordinator
        )
    )
}
