//! What a configuration key is: name, type, default, limits, importance, and when it may change.
//!
//! Every key is declared once, in a table under `keys/`; everything else (parsing, answers to
//! DescribeConfigs, the reference page) is derived from these tables.

use crate::validator::Validator;
use crate::value::{Value, ValueError};

/// The type of a key's value, with the number that DescribeConfigs gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl Kind {
    /// The name that Kafka's error messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    High,
    Medium,
    Low,
}

/// When a broker key may change (KIP-226). Topic and group keys may always change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// Only by a restart.
    ReadOnly,
    /// At runtime, for one broker.
    PerBroker,
    /// At runtime, for one broker or for all of them.
    ClusterWide,
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// The default in text form; `None` is null.
    pub default: Option<&'static str>,
    /// Has no default and must be given.
    pub is_required: bool,
    pub validator: Validator,
    pub importance: Importance,
    pub update_mode: UpdateMode,
    /// Left out of what DescribeConfigs lists, as Kafka hides its keys for tests.
    pub is_internal: bool,
    /// Described only where it is set: Kafka's brokers do not define it.
    pub is_unlisted: bool,
    /// Described without a type, and thus as sensitive: only a plug-in of Kafka's knows it.
    pub is_untyped: bool,
    /// One sentence, in Markdown.
    pub documentation: &'static str,
}

impl Key {
    /// Parses `text` as this key's type and checks its limits; `None` is null.
    pub fn parse(&self, text: Option<&str>) -> Result<Value, ValueError> {
        let mut value = match text {
            Some(text) => Value::parse(self, text)?,
            None => Value::Null,
        };
        self.validator.check(self, &value)?;
        if let Value::List(items) = &mut value
            && self.validator.drops_duplicates()
        {
            let mut seen = std::collections::HashSet::new();
            items.retain(|item| seen.insert(item.clone()));
        }
        Ok(value)
    }

    pub fn is_sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    pub(crate) const fn new(name: &'static str, kind: Kind, documentation: &'static str) -> Self {
        let validator = match kind {
            Kind::List => Validator::List {
                items: &[],
                may_be_empty: true,
                may_be_null: true,
            },
            Kind::Class => Validator::KnownClass,
            _ => Validator::Any,
        };
        Self {
            name,
            kind,
            default: None,
            is_required: false,
            validator,
            importance: Importance::Medium,
            update_mode: UpdateMode::ReadOnly,
            is_internal: false,
            is_unlisted: false,
            is_untyped: false,
            documentation: documentation.trim_ascii(),
        }
    }

    /// A list with a default may not be null unless it says so.
    pub(crate) const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        if let Validator::List {
            items,
            may_be_empty,
            ..
        } = self.validator
        {
            self.validator = Validator::List {
                items,
                may_be_empty,
                may_be_null: false,
            };
        }
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.is_required = true;
        if let Validator::List {
            items,
            may_be_empty,
            ..
        } = self.validator
        {
            self.validator = Validator::List {
                items,
                may_be_empty,
                may_be_null: false,
            };
        }
        self
    }

    pub(crate) const fn high(mut self) -> Self {
        self.importance = Importance::High;
        self
    }

    pub(crate) const fn medium(mut self) -> Self {
        self.importance = Importance::Medium;
        self
    }

    pub(crate) const fn low(mut self) -> Self {
        self.importance = Importance::Low;
        self
    }

    pub(crate) const fn per_broker(mut self) -> Self {
        self.update_mode = UpdateMode::PerBroker;
        self
    }

    pub(crate) const fn cluster_wide(mut self) -> Self {
        self.update_mode = UpdateMode::ClusterWide;
        self
    }

    pub(crate) const fn internal(mut self) -> Self {
        self.is_internal = true;
        self
    }

    pub(crate) const fn unlisted(mut self) -> Self {
        self.is_unlisted = true;
        self
    }

    pub(crate) const fn untyped(mut self) -> Self {
        self.is_unlisted = true;
        self.is_untyped = true;
        self
    }

    pub(crate) const fn at_least(self, min: i64) -> Self {
        self.checked_by(Validator::AtLeast(min))
    }

    pub(crate) const fn between(self, min: i64, max: i64) -> Self {
        self.checked_by(Validator::Between(min, max))
    }

    pub(crate) const fn within(self, min: f64, max: f64) -> Self {
        self.checked_by(Validator::Within(min, max))
    }

    pub(crate) const fn one_of(self, values: &'static [&'static str]) -> Self {
        self.checked_by(Validator::OneOf(values))
    }

    pub(crate) const fn one_of_any_case(self, values: &'static [&'static str]) -> Self {
        self.checked_by(Validator::OneOfAnyCase(values))
    }

    pub(crate) const fn non_empty(self) -> Self {
        self.checked_by(Validator::NonEmpty)
    }

    pub(crate) const fn non_null(self) -> Self {
        self.checked_by(Validator::NonNull)
    }

    pub(crate) const fn gzip_level(self) -> Self {
        self.checked_by(Validator::GzipLevel)
    }

    pub(crate) const fn throttled_replicas(self) -> Self {
        self.checked_by(Validator::ThrottledReplicas)
    }

    pub(crate) const fn quorum_voters(self) -> Self {
        self.checked_by(Validator::QuorumVoters)
    }

    pub(crate) const fn host_ports(self) -> Self {
        self.checked_by(Validator::HostPorts)
    }

    pub(crate) const fn share_offset_reset(self) -> Self {
        self.checked_by(Validator::ShareOffsetReset)
    }

    /// A list whose items are all among `items`.
    pub(crate) const fn list_of(mut self, items: &'static [&'static str]) -> Self {
        if let Validator::List {
            may_be_empty,
            may_be_null,
            ..
        } = self.validator
        {
            self.validator = Validator::List {
                items,
                may_be_empty,
                may_be_null,
            };
        }
        self
    }

    /// A list with at least one item.
    pub(crate) const fn filled(mut self) -> Self {
        if let Validator::List {
            items, may_be_null, ..
        } = self.validator
        {
            self.validator = Validator::List {
                items,
                may_be_empty: false,
                may_be_null,
            };
        }
        self
    }

    /// A list that may be null though it has a default.
    pub(crate) const fn nullable(mut self) -> Self {
        if let Validator::List {
            items,
            may_be_empty,
            ..
        } = self.validator
        {
            self.validator = Validator::List {
                items,
                may_be_empty,
                may_be_null: true,
            };
        }
        self
    }

    const fn checked_by(mut self, validator: Validator) -> Self {
        self.validator = validator;
        self
    }
}

/// A table of keys. Each entry reads
/// `/// documentation` `Type "name" = default, modifier, modifier(…);`
/// where the modifiers are the `const fn`s of [`Key`]; without `= default` the default is null.
macro_rules! keys {
    ($(
        $(#[doc = $doc:literal])+
        $kind:ident $name:literal $(= $default:literal)?
        $(, $modifier:ident $(( $($argument:expr),+ ))? )* ;
    )*) => {
        &[$(
            Key::new($name, $crate::key::Kind::$kind, concat!($($doc),+))
                $(.default(concat!($default)))?
                $(.$modifier($($($argument),+)?))*
        ),*]
    };
}
pub(crate) use keys;
