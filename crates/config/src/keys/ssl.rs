//! TLS. Each key may be given for one listener with its prefix.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Whether clients must, may or need not show a certificate.
    String "ssl.client.auth" = "none", medium, one_of(&["required", "requested", "none"]), per_broker;

    /// TLS version that a connection starts from.
    String "ssl.protocol" = "TLSv1.3", medium, per_broker;

    /// TLS versions that are accepted.
    List "ssl.enabled.protocols" = "TLSv1.2,TLSv1.3", medium, per_broker;

    /// Cipher suites that are accepted; empty means those of the TLS library.
    List "ssl.cipher.suites" = "", medium, per_broker;

    /// Name of the TLS provider.
    String "ssl.provider", medium, per_broker;

    /// Format of the key store, such as `JKS`, `PKCS12` or `PEM`.
    String "ssl.keystore.type" = "JKS", medium, per_broker;

    /// File that holds the node's certificate and private key.
    String "ssl.keystore.location", medium, per_broker;

    /// Password of the key store.
    Password "ssl.keystore.password", medium, per_broker;

    /// Password of the private key.
    Password "ssl.key.password", medium, per_broker;

    /// Private key in PEM form, given in place of a file.
    Password "ssl.keystore.key", medium, per_broker;

    /// Certificate chain in PEM form, given in place of a file.
    Password "ssl.keystore.certificate.chain", medium, per_broker;

    /// Format of the trust store, such as `JKS`, `PKCS12` or `PEM`.
    String "ssl.truststore.type" = "JKS", medium, per_broker;

    /// File that holds the trusted certificates.
    String "ssl.truststore.location", medium, per_broker;

    /// Password of the trust store.
    Password "ssl.truststore.password", medium, per_broker;

    /// Trusted certificates in PEM form, given in place of a file.
    Password "ssl.truststore.certificates", medium, per_broker;

    /// Algorithm that picks the key to show.
    String "ssl.keymanager.algorithm" = "SunX509", medium, per_broker;

    /// Algorithm that checks the other side's certificate.
    String "ssl.trustmanager.algorithm" = "PKIX", medium, per_broker;

    /// How the server's host name is checked against its certificate; empty turns the check off.
    String "ssl.endpoint.identification.algorithm" = "https", low, per_broker;

    /// Source of random numbers for TLS.
    String "ssl.secure.random.implementation", low, per_broker;

    /// Class that builds TLS sessions.
    Class "ssl.engine.factory.class", low, per_broker;

    /// Rules that turn a certificate's name into a principal, tried in order.
    String "ssl.principal.mapping.rules" = "DEFAULT", low;

    /// Whether a replaced certificate may carry another distinguished name.
    Boolean "ssl.allow.dn.changes" = false, low;

    /// Whether a replaced certificate may lack earlier alternative names.
    Boolean "ssl.allow.san.changes" = false, low;

    /// Class that turns an authenticated connection into a principal.
    Class "principal.builder.class" = "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", medium, per_broker;
};
