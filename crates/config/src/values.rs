//! Parsed values by key, and the `settings!` macro that reads them into plain structs.

use std::collections::BTreeMap;

use crate::value::{Value, ValueError};

/// The parsed value of every key of one table family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    pub(crate) fn insert(&mut self, name: &'static str, value: Value) {
        self.0.insert(name, value);
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn get<T: FromValue>(&self, name: &str) -> Result<T, ValueError> {
        let value = self.0.get(name).unwrap_or(&Value::Null);
        T::from_value(value).ok_or_else(|| {
            let text = value.to_text().unwrap_or_else(|| "null".to_owned());
            ValueError::new(format!("{name} cannot be {text}"))
        })
    }
}

pub(crate) trait FromValue: Sized {
    /// `None` if the value is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty: $variant:ident),* $(,)?) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(inner) => Some(inner.clone()),
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    bool: Boolean,
    i16: Short,
    i32: Int,
    i64: Long,
    f64: Double,
    String: Text,
    Vec<String>: List,
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// Declares a struct of settings whose fields are each read from the key beside them.
macro_rules! settings {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $( $(#[$field_meta:meta])* $field:ident: $type:ty = $key:literal, )*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $name {
            pub(crate) fn read(
                values: &$crate::values::Values,
            ) -> Result<Self, $crate::value::ValueError> {
                Ok(Self { $( $field: values.get($key)?, )* })
            }

            /// The keys that the fields are read from.
            #[cfg(test)]
            pub(crate) const KEYS: &[&str] = &[$($key),*];
        }
    };
}
pub(crate) use settings;
