//! Which application a task belongs to, and what is known of it without running it.

use laneway_core::job::TaskName;
use laneway_core::store::{RegisterTasks, RegisteredTask, Registry, TaskOwner};
use rusqlite::{Connection, OptionalExtension, params};

use crate::fault::Result;
use crate::transaction::Tx;
use crate::value;

/// Makes tasks belong to an application, unless some belong to another one.
pub(crate) fn register(tx: &mut Tx<'_>, register: &RegisterTasks) -> Result<Vec<TaskOwner>> {
    let mut others = Vec::new();
    for task in register.tasks.keys() {
        if let Some(application) = owner(tx.connection, task)?
            && application != register.application
        {
            others.push(TaskOwner { task: task.clone(), application });
        }
    }
    if !others.is_empty() && !register.take_over {
        return Ok(others);
    }
    let mut own = tx
        .connection
        .prepare_cached("UPDATE task SET application = ?2, facts = ?3 WHERE id = ?1")?;
    for (task, facts) in &register.tasks {
        let id = tx.names.task_id(tx.connection, task)?;
        own.execute(params![id, register.application, value::encode(facts)?])?;
    }
    if let Some(calibration) = &register.calibration {
        tx.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO calibration (application, body) VALUES (?1, ?2)",
            )?
            .execute(params![register.application, value::encode(calibration)?])?;
    }
    Ok(others)
}

fn owner(connection: &Connection, task: &TaskName) -> Result<Option<String>> {
    let mut find = connection.prepare_cached("SELECT application FROM task WHERE name = ?1")?;
    let found: Option<Option<String>> =
        find.query_row([task.as_str()], |row| row.get(0)).optional()?;
    Ok(found.flatten())
}

/// All that was registered.
pub(crate) fn registry(connection: &Connection) -> Result<Registry> {
    let mut registry = Registry::default();
    let mut tasks = connection.prepare_cached(
        "SELECT name, application, facts FROM task WHERE application IS NOT NULL ORDER BY name",
    )?;
    let mut rows = tasks.query([])?;
    while let Some(row) = rows.next()? {
        let facts: Vec<u8> = row.get(2)?;
        registry.tasks.push(RegisteredTask {
            task: TaskName::new(row.get::<_, String>(0)?)?,
            application: row.get(1)?,
            facts: value::decode(&facts, "what is known of a task")?,
        });
    }
    let mut calibrations =
        connection.prepare_cached("SELECT application, body FROM calibration")?;
    let mut rows = calibrations.query([])?;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(1)?;
        registry.calibrations.insert(row.get(0)?, value::decode(&body, "a calibration")?);
    }
    Ok(registry)
}
