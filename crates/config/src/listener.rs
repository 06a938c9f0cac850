//! Listeners: `NAME://host:port`, each name mapped to a security protocol.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use crate::value::ValueError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityProtocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl SecurityProtocol {
    fn parse(text: &str) -> Result<Self, ValueError> {
        match text.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Ok(Self::Plaintext),
            "SSL" => Ok(Self::Ssl),
            "SASL_PLAINTEXT" => Ok(Self::SaslPlaintext),
            "SASL_SSL" => Ok(Self::SaslSsl),
            _ => Err(ValueError::new(format!(
                "{text} is not a security protocol: use PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
            ))),
        }
    }

    /// The number under which brokers register an endpoint's protocol.
    pub fn id(self) -> i16 {
        match self {
            Self::Plaintext => 0,
            Self::Ssl => 1,
            Self::SaslPlaintext => 2,
            Self::SaslSsl => 3,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// In capitals.
    pub name: String,
    /// Empty means every interface.
    pub host: String,
    pub port: u16,
    pub protocol: SecurityProtocol,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "{}://[{}]:{}", self.name, self.host, self.port)
        } else {
            write!(f, "{}://{}:{}", self.name, self.host, self.port)
        }
    }
}

pub(crate) type ProtocolMap = BTreeMap<String, SecurityProtocol>;

/// Parses `listener.security.protocol.map`.
pub(crate) fn parse_protocol_map(text: &str) -> Result<ProtocolMap, ValueError> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (name, protocol) = entry.split_once(':').ok_or_else(|| {
                ValueError::new(format!(
                    "listener.security.protocol.map: {entry} is not of the form NAME:PROTOCOL"
                ))
            })?;
            Ok((
                name.trim().to_ascii_uppercase(),
                SecurityProtocol::parse(protocol.trim())?,
            ))
        })
        .collect()
}

pub(crate) fn parse_listeners(
    items: &[String],
    protocols: &ProtocolMap,
) -> Result<Vec<Listener>, ValueError> {
    let listeners = items
        .iter()
        .map(|item| parse_listener(item, protocols))
        .collect::<Result<Vec<_>, _>>()?;
    for (index, listener) in listeners.iter().enumerate() {
        if listeners
            .iter()
            .skip(index + 1)
            .any(|other| other.name == listener.name)
        {
            return Err(ValueError::new(format!(
                "Each listener must have a different name, listeners: {}",
                items.join(",")
            )));
        }
    }
    Ok(listeners)
}

/// Two listeners may share a port only when one is bound to an IPv4 and the other to an IPv6 address.
pub(crate) fn check_distinct_ports(listeners: &[Listener]) -> Result<(), ValueError> {
    for (index, a) in listeners.iter().enumerate() {
        let clash = listeners.iter().skip(index + 1).find(|b| {
            a.port == b.port
                && a.port != 0
                && !matches!(
                    (a.host.parse(), b.host.parse()),
                    (Ok(IpAddr::V4(_)), Ok(IpAddr::V6(_))) | (Ok(IpAddr::V6(_)), Ok(IpAddr::V4(_)))
                )
        });
        if let Some(b) = clash {
            return Err(ValueError::new(format!(
                "Each listener must have a different port, listeners: {a},{b}"
            )));
        }
    }
    Ok(())
}

fn parse_listener(item: &str, protocols: &ProtocolMap) -> Result<Listener, ValueError> {
    let malformed = || {
        ValueError::new(format!(
            "Unable to parse {item} to a broker endpoint: use NAME://host:port"
        ))
    };
    let (name, address) = item.split_once("://").ok_or_else(malformed)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
    let port = port.parse().map_err(|_| malformed())?;
    let host = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '%' | '.' | '_' | ':');
    if name.is_empty() || !host.chars().all(is_host) {
        return Err(malformed());
    }
    let name = name.to_ascii_uppercase();
    let protocol = *protocols.get(&name).ok_or_else(|| {
        ValueError::new(format!("No security protocol defined for listener {name}"))
    })?;
    Ok(Listener {
        name,
        host: host.to_owned(),
        port,
        protocol,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(text: &str) -> Result<Vec<Listener>, ValueError> {
        let protocols = parse_protocol_map("PLAINTEXT:PLAINTEXT,OUT:SASL_SSL")?;
        let items: Vec<_> = text.split(',').map(str::to_owned).collect();
        let listeners = parse_listeners(&items, &protocols)?;
        check_distinct_ports(&listeners)?;
        Ok(listeners)
    }

    #[test]
    fn a_list_is_parsed() {
        let parsed = listeners("plaintext://:9092,OUT://[::1]:9093").unwrap();
        assert_eq!(
            parsed,
            [
                Listener {
                    name: "PLAINTEXT".into(),
                    host: String::new(),
                    port: 9092,
                    protocol: SecurityProtocol::Plaintext,
                },
                Listener {
                    name: "OUT".into(),
                    host: "::1".into(),
                    port: 9093,
                    protocol: SecurityProtocol::SaslSsl,
                },
            ]
        );
        assert_eq!(parsed[1].to_string(), "OUT://[::1]:9093");
    }

    #[test]
    fn ports_may_be_shared_between_address_families() {
        assert!(listeners("PLAINTEXT://127.0.0.1:9092,OUT://[::1]:9092").is_ok());
        assert!(listeners("PLAINTEXT://127.0.0.1:0,OUT://127.0.0.1:0").is_ok());
        assert!(listeners("PLAINTEXT://127.0.0.1:9092,OUT://localhost:9092").is_err());
    }

    #[test]
    fn malformed_listeners_are_refused() {
        for bad in [
            "",
            "PLAINTEXT",
            "PLAINTEXT://host",
            "PLAINTEXT://h:70000",
            "X://h:1",
            "://h:1",
        ] {
            assert!(listeners(bad).is_err(), "{bad}");
        }
        assert!(listeners("OUT://a:1,OUT://b:2").is_err());
    }
}
