//! Findings that were there when somebody began to look: they are left out until they are gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use laneway_check::Finding;
use laneway_core::error::{Code, Error};
use serde::{Deserialize, Serialize};

use crate::cli::SCHEMA;

/// A baseline file: what was known, by what stays the same when lines move.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    schema: u32,
    findings: BTreeMap<String, String>,
}

impl Baseline {
    pub(super) fn of(findings: &[&Finding]) -> Self {
        let known = findings.iter().map(|it| (it.fingerprint.clone(), it.message.clone()));
        Self { schema: SCHEMA, findings: known.collect() }
    }

    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |why: String| {
            Error::new(
                Code::InvalidArgument,
                format!("the baseline `{}` cannot be read", path.display()),
            )
            .why(why)
            .fix(format!("write it with `laneway check --write-baseline {}`", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string());
        let written =
            text.and_then(|text| fs::write(path, text + "\n").map_err(|error| error.to_string()));
        written.map_err(|why| {
            let what = format!("the baseline `{}` cannot be written", path.display());
            Error::new(Code::InvalidArgument, what)
                .why(why)
                .fix("name a file in a folder that this user may write")
        })
    }

    pub(super) fn len(&self) -> usize {
        self.findings.len()
    }

    pub(super) fn has(&self, finding: &Finding) -> bool {
        self.findings.contains_key(&finding.fingerprint)
    }
}
