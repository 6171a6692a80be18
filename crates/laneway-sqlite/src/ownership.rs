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
    // A worker that starts again changes nothing, and so writes nothing.
    let mut own = tx.connection.prepare_cached(
        "UPDATE task SET application = ?2, facts = ?3
        WHERE id = ?1 AND (application IS NOT ?2 OR facts IS NOT ?3)",
    )?;
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

#[cfg(test)]
mod tests {
    use laneway_core::clock::Timestamp;
    use laneway_core::job::Lane;
    use laneway_core::store::Durability;
    use laneway_core::verdict::{Form, TaskFacts};

    use super::*;
    use crate::names::Names;
    use crate::open::{Location, open_writer};
    use crate::transaction::Changes;

    /// Registers the tasks `a` and `b`, of which `b` has this lane; gives the rows written.
    fn rows_written(connection: &Connection, application: &str, lane: Lane) -> u64 {
        let facts = |lane| TaskFacts::new(Form::Def, lane);
        let task = |name: &str| TaskName::new(name).unwrap();
        let given = RegisterTasks {
            application: application.to_owned(),
            tasks: [(task("a"), facts(Lane::Thread)), (task("b"), facts(lane))].into(),
            calibration: None,
            take_over: true,
        };
        let (mut names, mut changes) = (Names::default(), Changes::default());
        let mut tx =
            Tx { connection, now: Timestamp::default(), names: &mut names, changes: &mut changes };
        let before = connection.total_changes();
        register(&mut tx, &given).unwrap();
        connection.total_changes() - before
    }

    #[test]
    fn only_what_changed_is_written() {
        let connection = open_writer(&Location::Memory, Durability::Memory).unwrap();
        assert_eq!(rows_written(&connection, "shop:app", Lane::Thread), 4, "new and then owned");
        assert_eq!(rows_written(&connection, "shop:app", Lane::Thread), 0);
        assert_eq!(rows_written(&connection, "shop:app", Lane::Process), 1, "the facts of `b`");
        assert_eq!(rows_written(&connection, "blog:app", Lane::Process), 2);
    }
}
