//! Which application a task belongs to, and what is known of it without running it.

use laneway_core::error::Error;
use laneway_core::job::TaskName;
use laneway_core::store::{RegisterTasks, RegisteredTask, Registry, TaskOwner};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::enqueue::column;
use crate::value;

pub(crate) fn register(register: &RegisterTasks) -> Result<Call, Error> {
    let names: Vec<String> = register.tasks.keys().map(ToString::to_string).collect();
    let facts: Vec<Vec<u8>> =
        register.tasks.values().map(value::encode).collect::<Result<_, Error>>()?;
    let lanes: Vec<i16> =
        register.tasks.values().map(|facts| value::lane_column(facts.lane)).collect();
    let calibration = register.calibration.as_ref().map(value::encode).transpose()?;
    Ok(Call::function("register_tasks")
        .with(value::text(&register.application), Type::TEXT)
        .with(names, Type::TEXT_ARRAY)
        .with(facts, Type::BYTEA_ARRAY)
        .with(lanes, Type::INT2_ARRAY)
        .with(calibration, Type::BYTEA)
        .with(register.take_over, Type::BOOL))
}

pub(crate) fn owners(rows: &[Row]) -> Result<Vec<TaskOwner>, Error> {
    let owner = |row| {
        Ok(TaskOwner {
            task: TaskName::new(column::<&str>(row, 0)?)?,
            application: column(row, 1)?,
        })
    };
    rows.iter().map(owner).collect()
}

/// Asks for all that was registered: the tasks first, then the calibrations, without a task.
pub(crate) fn registry() -> Call {
    Call::question(
        "SELECT name, application, facts FROM {schema}.task WHERE application IS NOT NULL
         UNION ALL SELECT NULL, application, body FROM {schema}.calibration ORDER BY name",
    )
}

pub(crate) fn registered(rows: &[Row]) -> Result<Registry, Error> {
    let mut registry = Registry::default();
    for row in rows {
        let application: String = column(row, 1)?;
        let body: &[u8] = column(row, 2)?;
        match column::<Option<&str>>(row, 0)? {
            Some(task) => registry.tasks.push(RegisteredTask {
                task: TaskName::new(task)?,
                application,
                facts: value::decode(body, "what is known of a task")?,
            }),
            None => {
                registry.calibrations.insert(application, value::decode(body, "a calibration")?);
            }
        }
    }
    Ok(registry)
}
