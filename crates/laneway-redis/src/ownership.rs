//! Which application a task belongs to, and what is known of it without running it.

use laneway_core::error::Error;
use laneway_core::job::TaskName;
use laneway_core::store::{RegisterTasks, RegisteredTask, Registry, TaskOwner};

use crate::fault::damaged;
use crate::reply;
use crate::script::OWNERSHIP;
use crate::store::RedisStore;
use crate::value::{self, encode};

/// Makes tasks belong to an application, unless some belong to another one.
pub(crate) async fn register(
    store: &RedisStore,
    register: RegisterTasks,
) -> Result<Vec<TaskOwner>, Error> {
    let calibration = register.calibration.as_ref().map(encode).transpose()?;
    let mut call = store
        .call(&OWNERSHIP)
        .arg(&register.application)
        .arg(calibration.unwrap_or_default().as_slice())
        .arg(u8::from(register.take_over));
    if !register.take_over {
        call = call.repeatable();
    }
    for (task, facts) in &register.tasks {
        call.push(task.as_str());
        call.push(encode(facts)?.as_slice());
    }
    let mut values = reply::array(store.ask(call).await?)?.into_iter();
    let mut others = Vec::new();
    while let (Some(task), Some(application)) = (values.next(), values.next()) {
        let task = TaskName::new(reply::text(task)?)?;
        others.push(TaskOwner { task, application: reply::text(application)? });
    }
    others.sort_unstable();
    Ok(others)
}

/// All that was registered.
pub(crate) async fn registry(store: &RedisStore) -> Result<Registry, Error> {
    let mut registry = Registry::default();
    for (task, value) in store.hash("tasks").await? {
        let (length, rest) = value
            .split_first_chunk()
            .map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))
            .ok_or_else(|| damaged("a registered task cannot be read"))?;
        let (application, facts) = rest
            .split_at_checked(length)
            .ok_or_else(|| damaged("a registered task cannot be read"))?;
        registry.tasks.push(RegisteredTask {
            task: TaskName::new(task)?,
            application: String::from_utf8_lossy(application).into_owned(),
            facts: value::decode(facts, "what is known of a task")?,
        });
    }
    registry.tasks.sort_by(|a, b| a.task.cmp(&b.task));
    for (application, body) in store.hash("calibrations").await? {
        registry.calibrations.insert(application, value::decode(&body, "a calibration")?);
    }
    Ok(registry)
}
