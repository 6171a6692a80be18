//! Which store a client opens.

use std::path::PathBuf;

use laneway::AnyStore;
use laneway::config::{self, Settings, Sources};
use laneway::store_url::StoreUrl;
use laneway_core::error::{Code, Error};
use pyo3::prelude::*;

use crate::error::raised;
use crate::{runtime, thread};

/// A store and what was decided about it.
pub(super) struct Opened {
    pub(super) store: AnyStore,
    pub(super) url: String,
    pub(super) origin: String,
    pub(super) payload_max: usize,
}

/// Opens the store that `url` names, else the configured one.
///
/// The environment is read with the GIL held, because Python changes it with the GIL held.
pub(super) fn open(py: Python<'_>, url: Option<&str>, folder: Option<PathBuf>) -> PyResult<Opened> {
    let mut sources = Sources::of_process();
    if let Some(folder) = folder {
        sources.folder.push(folder);
    }
    let configured = || -> Result<(Settings, StoreUrl, String), Error> {
        let settings = config::load(&sources)?;
        let (url, origin) = match url {
            Some(text) => (StoreUrl::parse(text, &settings.project)?, "the program".to_owned()),
            None => (settings.store.value.clone(), settings.store.origin.to_string()),
        };
        Ok((settings, url, origin))
    };
    let (settings, url, origin) = py.detach(configured).map_err(raised)?;
    let store = connect(py, url.clone())?.map_err(raised)?;
    let payload_max = settings.payload_max.value.0;
    let payload_max = usize::try_from(payload_max).unwrap_or(usize::MAX);
    Ok(Opened { store, url: url.to_string(), origin, payload_max })
}

/// Opens a store, interruptible by signals.
///
/// It is opened in a thread beside the runtime's, because a file is opened without awaiting. That
/// thread is started with signals blocked, and so are those that the store starts from it.
fn connect(py: Python<'_>, url: StoreUrl) -> PyResult<Result<AnyStore, Error>> {
    let runtime = runtime::shared(py)?;
    let opening = thread::without_signals(|| {
        runtime.spawn_blocking(|| runtime.block_on(async move { laneway::connect(&url).await }))
    });
    Ok(runtime::wait(py, opening)?.unwrap_or_else(|error| {
        Err(Error::new(Code::Internal, "the store could not be opened").why(error.to_string()))
    }))
}
