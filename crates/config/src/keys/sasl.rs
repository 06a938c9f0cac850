//! SASL and Kerberos. Each key may be given for one listener with its prefix.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Mechanisms that clients may authenticate with.
    List "sasl.enabled.mechanisms" = "GSSAPI", medium, per_broker;

    /// Mechanism that brokers authenticate with among themselves.
    String "sasl.mechanism.inter.broker.protocol" = "GSSAPI", medium, per_broker;

    /// Mechanism that brokers authenticate with to controllers.
    String "sasl.mechanism.controller.protocol" = "GSSAPI", high;

    /// Login module and its options, in JAAS form, for one mechanism of one listener.
    Password "sasl.jaas.config", medium, per_broker;

    /// Class that answers the server side's questions about credentials.
    Class "sasl.server.callback.handler.class", medium;

    /// Class that answers the client side's questions about credentials.
    Class "sasl.client.callback.handler.class", medium;

    /// Class that answers the login's questions about credentials.
    Class "sasl.login.callback.handler.class", medium;

    /// Class that performs the login.
    Class "sasl.login.class", medium;

    /// Largest message in bytes that is read before authentication is complete.
    Int "sasl.server.max.receive.size" = 524_288, medium;

    /// Milliseconds that connecting to the identity provider may take.
    Int "sasl.login.connect.timeout.ms", low;

    /// Milliseconds that reading from the identity provider may take.
    Int "sasl.login.read.timeout.ms", low;

    /// Milliseconds before a failed login is tried again.
    Long "sasl.login.retry.backoff.ms" = 100, low;

    /// Longest pause in milliseconds between two login attempts.
    Long "sasl.login.retry.backoff.max.ms" = 10_000, low;

    /// Share of a credential's lifetime after which it is renewed.
    Double "sasl.login.refresh.window.factor" = 0.8, medium, per_broker;

    /// Share of a credential's lifetime added at random to the time of its renewal.
    Double "sasl.login.refresh.window.jitter" = 0.05, medium, per_broker;

    /// Least number of seconds between two renewals.
    Short "sasl.login.refresh.min.period.seconds" = 60, medium, per_broker;

    /// Seconds before its end at which a credential must be renewed.
    Short "sasl.login.refresh.buffer.seconds" = 300, medium, per_broker;

    /// Principal name that the brokers run under.
    String "sasl.kerberos.service.name", medium, per_broker;

    /// Path of the `kinit` command.
    String "sasl.kerberos.kinit.cmd" = "/usr/bin/kinit", medium, per_broker;

    /// Share of a ticket's lifetime after which it is renewed.
    Double "sasl.kerberos.ticket.renew.window.factor" = 0.8, medium, per_broker;

    /// Share of a ticket's lifetime added at random to the time of its renewal.
    Double "sasl.kerberos.ticket.renew.jitter" = 0.05, medium, per_broker;

    /// Milliseconds between two attempts to renew a ticket.
    Long "sasl.kerberos.min.time.before.relogin" = 60_000, medium, per_broker;

    /// Rules that turn a Kerberos principal into a short name, tried in order.
    List "sasl.kerberos.principal.to.local.rules" = "DEFAULT", medium, per_broker;

    /// Milliseconds after which a client must authenticate again; 0 means never.
    Long "connections.max.reauth.ms" = 0, medium;

    /// Secret with which delegation tokens are signed, equal on all nodes; unset turns tokens off.
    Password "delegation.token.secret.key", medium;

    /// Milliseconds after which a delegation token can no longer be renewed.
    Long "delegation.token.max.lifetime.ms" = 604_800_000, medium, at_least(1);

    /// Milliseconds that a delegation token is valid without renewal.
    Long "delegation.token.expiry.time.ms" = 86_400_000, medium, at_least(1);

    /// Milliseconds between looks for expired delegation tokens.
    Long "delegation.token.expiry.check.interval.ms" = 3_600_000, low, at_least(1);
};
