//! ACLs, SCRAM credentials and delegation tokens.

use bytes::Bytes;
use uuid::Uuid;

use crate::codec::message;

message! {
    /// Adds an ACL.
    pub struct AccessControlEntryRecord: 0..=0, flexible 0 {
        id: Uuid,
        resource_type: i8,
        resource_name: String,
        pattern_type: i8,
        principal: String,
        host: String,
        operation: i8,
        permission_type: i8,
    }

    /// Removes an ACL by its id.
    pub struct RemoveAccessControlEntryRecord: 0..=0, flexible 0 {
        id: Uuid,
    }

    /// Sets the SCRAM credential of a user for one mechanism (KIP-900).
    pub struct UserScramCredentialRecord: 0..=0, flexible 0 {
        name: String,
        mechanism: i8,
        salt: Bytes,
        stored_key: Bytes,
        server_key: Bytes,
        iterations: i32,
    }

    /// Removes the SCRAM credential of a user for one mechanism.
    pub struct RemoveUserScramCredentialRecord: 0..=0, flexible 0 {
        name: String,
        mechanism: i8,
    }

    /// Issues or renews a delegation token (KIP-900).
    pub struct DelegationTokenRecord: 0..=0, flexible 0 {
        owner: String,
        requester: String,
        renewers: Vec<String>,
        issue_timestamp: i64,
        max_timestamp: i64,
        expiration_timestamp: i64,
        token_id: String,
    }

    /// A delegation token expired or was revoked.
    pub struct RemoveDelegationTokenRecord: 0..=0, flexible 0 {
        token_id: String,
    }
}
