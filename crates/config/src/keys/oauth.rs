//! OAUTHBEARER.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Address from which tokens are fetched.
    String "sasl.oauthbearer.token.endpoint.url", medium;

    /// Address of the keys with which tokens are verified.
    String "sasl.oauthbearer.jwks.endpoint.url", medium;

    /// Milliseconds between two fetches of the verification keys.
    Long "sasl.oauthbearer.jwks.endpoint.refresh.ms" = 3_600_000, low;

    /// Milliseconds before a failed fetch of the keys is tried again.
    Long "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms" = 100, low;

    /// Longest pause in milliseconds between two attempts to fetch the keys.
    Long "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms" = 10_000, low;

    /// Seconds by which the clocks of issuer and broker may differ.
    Int "sasl.oauthbearer.clock.skew.seconds" = 30, low;

    /// Audiences of which a token must name one; empty accepts any.
    List "sasl.oauthbearer.expected.audience" = "", high;

    /// Issuer that a token must name; unset accepts any.
    String "sasl.oauthbearer.expected.issuer", high;

    /// Scope that is asked for with a token.
    String "sasl.oauthbearer.scope", medium;

    /// Name of the claim that holds the scope.
    String "sasl.oauthbearer.scope.claim.name" = "scope", low;

    /// Name of the claim that holds the subject.
    String "sasl.oauthbearer.sub.claim.name" = "sub", low;

    /// Client id for fetching a token.
    String "sasl.oauthbearer.client.credentials.client.id", medium;

    /// Client secret for fetching a token.
    Password "sasl.oauthbearer.client.credentials.client.secret", medium;

    /// Class that fetches tokens.
    Class "sasl.oauthbearer.jwt.retriever.class" = "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", medium;

    /// Class that verifies tokens.
    Class "sasl.oauthbearer.jwt.validator.class" = "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", medium;

    /// Algorithm with which an assertion is signed.
    String "sasl.oauthbearer.assertion.algorithm" = "RS256", medium, one_of_any_case(&["ES256", "RS256"]);

    /// File that holds a ready assertion.
    String "sasl.oauthbearer.assertion.file", medium;

    /// File that holds the header and claims from which an assertion is made.
    String "sasl.oauthbearer.assertion.template.file", medium;

    /// File that holds the key with which an assertion is signed.
    String "sasl.oauthbearer.assertion.private.key.file", medium;

    /// Password of the key with which an assertion is signed.
    Password "sasl.oauthbearer.assertion.private.key.passphrase", medium;

    /// Audience claim of an assertion.
    String "sasl.oauthbearer.assertion.claim.aud", medium;

    /// Issuer claim of an assertion.
    String "sasl.oauthbearer.assertion.claim.iss", medium;

    /// Subject claim of an assertion.
    String "sasl.oauthbearer.assertion.claim.sub", medium;

    /// Seconds after which an assertion ends.
    Int "sasl.oauthbearer.assertion.claim.exp.seconds" = 300, low, between(0, 86_400);

    /// Seconds by which an assertion's start is put back.
    Int "sasl.oauthbearer.assertion.claim.nbf.seconds" = 60, low, between(0, 3600);

    /// Whether an assertion carries a unique id.
    Boolean "sasl.oauthbearer.assertion.claim.jti.include" = false, medium;
};
