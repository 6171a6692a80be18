//! Which application a task belongs to.

use laneway_core::job::TaskName;
use laneway_core::store::{RegisterTasks, TaskOwner};
use rusqlite::{Connection, OptionalExtension, params};

use crate::fault::Result;
use crate::transaction::Tx;

/// Makes tasks belong to an application, unless some belong to another one.
pub(crate) fn register(tx: &mut Tx<'_>, register: &RegisterTasks) -> Result<Vec<TaskOwner>> {
    let mut others = Vec::new();
    for task in &register.tasks {
        if let Some(application) = owner(tx.connection, task)?
            && application != register.application
        {
            others.push(TaskOwner { task: task.clone(), application });
        }
    }
    others.sort();
    others.dedup();
    if others.is_empty() || register.take_over {
        let mut own =
            tx.connection.prepare_cached("UPDATE task SET application = ?2 WHERE id = ?1")?;
        for task in &register.tasks {
            let id = tx.names.task_id(tx.connection, task)?;
            own.execute(params![id, register.application])?;
        }
    }
    Ok(others)
}

fn owner(connection: &Connection, task: &TaskName) -> Result<Option<String>> {
    let mut find = connection.prepare_cached("SELECT application FROM task WHERE name = ?1")?;
    let found: Option<Option<String>> =
        find.query_row([task.as_str()], |row| row.get(0)).optional()?;
    Ok(found.flatten())
}

/// The tasks that belong to an application, by name.
pub(crate) fn owners(connection: &Connection) -> Result<Vec<TaskOwner>> {
    let mut list = connection.prepare_cached(
        "SELECT name, application FROM task WHERE application IS NOT NULL ORDER BY name",
    )?;
    let rows = list.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (name, application) = row?;
        Ok(TaskOwner { task: TaskName::new(name)?, application })
    })
    .collect()
}
