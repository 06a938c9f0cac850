//! ApiVersions (KIP-35; KIP-511 adds the client's name).

use crate::codec::message;

message! {
    pub struct ApiVersionsRequest: 0..=4, flexible 3 {
        client_software_name: String [3.., ignorable],
        client_software_version: String [3.., ignorable],
    }
}
