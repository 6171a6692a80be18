//! A statement with its parameters, ready to be sent, and to be sent again.

use std::fmt;

use tokio_postgres::types::{ToSql, Type};

/// What a call passes on.
type Parameter = (Box<dyn ToSql + Send + Sync>, Type);

/// A statement that is a transaction of its own.
pub(crate) struct Call {
    /// `{schema}` in it stands for the quoted name of the schema.
    sql: String,
    parameters: Vec<Parameter>,
    /// Whether it writes what somebody was promised to find again.
    is_write: bool,
}

impl Call {
    /// Calls a function of the schema; the parameters follow in its order.
    pub(crate) fn function(name: &str) -> Self {
        Self { sql: name.to_owned(), parameters: Vec::new(), is_write: true }
    }

    /// Asks a question that changes nothing.
    pub(crate) fn question(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new(), is_write: false }
    }

    pub(crate) const fn is_write(&self) -> bool {
        self.is_write
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, value: impl ToSql + Send + Sync + 'static, kind: Type) -> Self {
        self.parameters.push((Box::new(value), kind));
        self
    }

    /// The statement as the server gets it. Durability is a setting of the transaction: one of the
    /// session would reach others through a pooler.
    pub(crate) fn sql(&self, schema: &str, is_synchronous: bool) -> String {
        if !self.is_write {
            return self.sql.replace("{schema}", schema);
        }
        let numbers: Vec<String> =
            (1..=self.parameters.len()).map(|number| format!("${number}")).collect();
        let function = format!("{schema}.{}({})", self.sql, numbers.join(", "));
        if is_synchronous {
            return format!("SELECT * FROM {function}");
        }
        format!(
            "SELECT f.* FROM (SELECT set_config('synchronous_commit', 'off', true)) AS s, \
             {function} AS f"
        )
    }

    /// The parameters as the driver takes them.
    pub(crate) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.parameters
            .iter()
            .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
            .collect()
    }
}

impl fmt::Debug for Call {
    /// Shows no parameter: payloads may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("sql", &self.sql).finish_non_exhaustive()
    }
}
