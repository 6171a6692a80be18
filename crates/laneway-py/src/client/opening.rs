//! Which store a client opens.

use std::path::PathBuf;

use laneway::AnyStore;
use laneway::config::{self, Sources};
use laneway::store_url::StoreUrl;
use laneway_core::error::Error;
use pyo3::prelude::*;

use crate::error::raised;
use crate::thread;

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
    let connect = || -> Result<Opened, Error> {
        let settings = config::load(&sources)?;
        let (url, origin) = match url {
            Some(text) => (StoreUrl::parse(text, &settings.project)?, "the program".to_owned()),
            None => (settings.store.value, settings.store.origin.to_string()),
        };
        let store = thread::without_signals(|| laneway::connect(&url))?;
        let payload_max = settings.payload_max.value.0;
        let payload_max = usize::try_from(payload_max).unwrap_or(usize::MAX);
        Ok(Opened { store, url: url.to_string(), origin, payload_max })
    };
    py.detach(connect).map_err(raised)
}
