//! Names and policies as small numbers. They are never deleted, so what is known stays true.

use std::collections::HashMap;
use std::sync::Arc;

use laneway_core::job::{QueueName, TaskName};
use laneway_core::policy::Policy;
use rusqlite::{Connection, OptionalExtension};

use crate::fault::Result;
use crate::value;

/// Policies made for single calls could be many; beyond this the memory of them starts anew.
const POLICIES_MAX: usize = 4_096;

/// What the writer knows of the tables `task`, `queue` and `policy`.
#[derive(Debug, Default)]
pub(crate) struct Names {
    tasks: HashMap<TaskName, i64>,
    tasks_by_id: HashMap<i64, TaskName>,
    queues: HashMap<QueueName, i64>,
    queues_by_id: HashMap<i64, QueueName>,
    policies: HashMap<i64, Arc<Policy>>,
    policy_ids: HashMap<Vec<u8>, i64>,
}

impl Names {
    /// Forgets everything: what was added in a transaction that did not commit is not true.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The number of a task, new if need be.
    pub(crate) fn task_id(&mut self, connection: &Connection, name: &TaskName) -> Result<i64> {
        if let Some(id) = self.tasks.get(name) {
            return Ok(*id);
        }
        let id = intern(connection, TASK, name.as_str())?;
        self.tasks.insert(name.clone(), id);
        self.tasks_by_id.insert(id, name.clone());
        Ok(id)
    }

    /// The number of a queue, new if need be.
    pub(crate) fn queue_id(&mut self, connection: &Connection, name: &QueueName) -> Result<i64> {
        if let Some(id) = self.known_queue_id(connection, name)? {
            return Ok(id);
        }
        let id = intern(connection, QUEUE, name.as_str())?;
        self.remember_queue(id, name);
        Ok(id)
    }

    /// The number of a queue that has been seen before.
    pub(crate) fn known_queue_id(
        &mut self,
        connection: &Connection,
        name: &QueueName,
    ) -> Result<Option<i64>> {
        if let Some(id) = self.queues.get(name) {
            return Ok(Some(*id));
        }
        let mut statement = connection.prepare_cached(QUEUE.find)?;
        let found: Option<i64> =
            statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
        if let Some(id) = found {
            self.remember_queue(id, name);
        }
        Ok(found)
    }

    fn remember_queue(&mut self, id: i64, name: &QueueName) {
        self.queues.insert(name.clone(), id);
        self.queues_by_id.insert(id, name.clone());
    }

    /// The number of a policy, new if need be.
    pub(crate) fn policy_id(
        &mut self,
        connection: &Connection,
        policy: &Arc<Policy>,
    ) -> Result<i64> {
        let body = value::policy_column(policy)?;
        if let Some(id) = self.policy_ids.get(&body) {
            return Ok(*id);
        }
        let mut find = connection.prepare_cached("SELECT id FROM policy WHERE body = ?1")?;
        let found = find.query_row([&body], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => connection
                .prepare_cached("INSERT INTO policy (body) VALUES (?1)")?
                .insert([&body])?,
        };
        self.remember_policy(id, body, policy.clone());
        Ok(id)
    }

    fn remember_policy(&mut self, id: i64, body: Vec<u8>, policy: Arc<Policy>) {
        if self.policies.len() >= POLICIES_MAX {
            self.policies.clear();
            self.policy_ids.clear();
        }
        self.policies.insert(id, policy);
        self.policy_ids.insert(body, id);
    }

    /// The task with this number.
    pub(crate) fn task(&mut self, connection: &Connection, id: i64) -> Result<TaskName> {
        if let Some(name) = self.tasks_by_id.get(&id) {
            return Ok(name.clone());
        }
        let name = TaskName::new(text(connection, TASK, id)?)?;
        self.tasks.insert(name.clone(), id);
        self.tasks_by_id.insert(id, name.clone());
        Ok(name)
    }

    /// The policy with this number.
    pub(crate) fn policy(&mut self, connection: &Connection, id: i64) -> Result<Arc<Policy>> {
        if let Some(policy) = self.policies.get(&id) {
            return Ok(policy.clone());
        }
        let body: Option<Vec<u8>> = connection
            .prepare_cached("SELECT body FROM policy WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let body = body.ok_or_else(|| value::damaged(format!("there is no policy {id}")))?;
        let policy = Arc::new(value::policy(&body)?);
        self.remember_policy(id, body, policy.clone());
        Ok(policy)
    }
}

/// The statements of a table of names.
#[derive(Clone, Copy)]
struct Table {
    find: &'static str,
    add: &'static str,
    name: &'static str,
}

const TASK: Table = Table {
    find: "SELECT id FROM task WHERE name = ?1",
    add: "INSERT INTO task (name) VALUES (?1)",
    name: "SELECT name FROM task WHERE id = ?1",
};

const QUEUE: Table = Table {
    find: "SELECT id FROM queue WHERE name = ?1",
    add: "INSERT INTO queue (name) VALUES (?1)",
    name: "SELECT name FROM queue WHERE id = ?1",
};

fn intern(connection: &Connection, table: Table, name: &str) -> Result<i64> {
    let found =
        connection.prepare_cached(table.find)?.query_row([name], |row| row.get(0)).optional()?;
    match found {
        Some(id) => Ok(id),
        None => Ok(connection.prepare_cached(table.add)?.insert([name])?),
    }
}

fn text(connection: &Connection, table: Table, id: i64) -> Result<String> {
    let mut statement = connection.prepare_cached(table.name)?;
    let found = statement.query_row([id], |row| row.get(0)).optional()?;
    found.ok_or_else(|| value::damaged(format!("there is no name {id}")))
}
