//! What a runner tells the supervisor of its tasks.

use laneway_core::error::Error;
use laneway_core::job::{QueueName, TaskName};
use laneway_core::verdict::{Form, Mobility, libraries};
use laneway_engine::protocol::TaskManifest;

/// (name, lane, queue, what its code tells).
pub(super) type DeclaredTask = (String, String, String, CodeFacts);

/// (whether it is an `async def`, whether it awaits anything, for a task with `lane="auto"` why it
/// cannot be moved: an empty text when it can, whether it is declared to be thread-safe, what its
/// code names of libraries).
type CodeFacts = (bool, Option<bool>, Option<String>, Option<bool>, Vec<String>);

/// What is declared of a task, with what is known of the libraries that it names.
pub(super) fn manifest((name, lane, queue, facts): DeclaredTask) -> Result<TaskManifest, Error> {
    let (is_async, has_await, held, is_thread_safe, mut library_names) = facts;
    library_names.retain(|name| libraries::is_known(name));
    let names = library_names.iter().map(String::as_str);
    let culprit = libraries::unsafe_in_threads(names).filter(|_| is_thread_safe.is_none());
    let mobility = held.map(|why| match (why.as_str(), culprit) {
        ("", None) => Mobility::Movable,
        ("", Some(culprit)) => {
            Mobility::Held { why: format!("it uses `{culprit}`, which is not thread-safe") }
        }
        _ => Mobility::Held { why },
    });
    Ok(TaskManifest {
        name: TaskName::new(name)?,
        lane: lane.parse()?,
        queue: QueueName::new(queue)?,
        form: if is_async { Form::AsyncDef } else { Form::Def },
        has_await,
        mobility,
        is_thread_unsafe: is_thread_safe == Some(false) || culprit.is_some(),
        library_names,
    })
}
