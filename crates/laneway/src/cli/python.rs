//! Finds the Python interpreter that runs an application's tasks, and asks it what it has.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use laneway_core::error::{Code, Error};
use serde::Deserialize;

use crate::config::{Settings, Sources};

/// An interpreter, and why it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Python {
    pub(super) path: PathBuf,
    pub(super) why: String,
}

/// What an interpreter says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    /// Such as `CPython 3.12.1`.
    pub(super) python: String,
    /// The release of the Laneway package that it imports.
    pub(super) laneway: Option<String>,
    /// Why it imports none.
    pub(super) error: Option<String>,
}

const ASK: &str = "
import json, platform
laneway = error = None
try:
    from laneway import _native
    laneway = _native.version
except Exception as caught:
    error = f'{type(caught).__name__}: {caught}'
python = f'{platform.python_implementation()} {platform.python_version()}'
print(json.dumps({'python': python, 'laneway': laneway, 'error': error}))
";

/// Finds the interpreter: the configured one, else the one of the active virtual environment, of
/// `.venv` in the project, of the environment that this command is installed in, of `PATH`.
///
/// # Errors
/// `LW1033` when there is none.
pub(super) fn find(settings: &Settings, sources: &Sources) -> Result<Python, Error> {
    if let Some(program) = &settings.python.value {
        let why = settings.python.origin.to_string();
        let found = if program.0.components().count() > 1 {
            is_executable(&program.0).then(|| program.0.clone())
        } else {
            in_path(&program.0, sources)
        };
        return found.map(|path| Python { path, why: why.clone() }).ok_or_else(|| {
            not_found(format!("{why} names `{}`, which is no program", program.0.display()))
        });
    }
    let mut looked = Vec::new();
    for (folder, why) in environments(settings, sources) {
        let path = folder.join("python");
        if is_executable(&path) {
            return Ok(Python { path, why: why.to_owned() });
        }
        looked.push(format!("`{}` ({why})", path.display()));
    }
    for name in ["python3", "python"] {
        if let Some(path) = in_path(Path::new(name), sources) {
            return Ok(Python { path, why: "PATH".to_owned() });
        }
    }
    looked.push("`python3` and `python` in PATH".to_owned());
    Err(not_found(format!("there is no {}", looked.join(", no "))))
}

/// Asks an interpreter for its version and Laneway's.
///
/// # Errors
/// `LW1033` when it does not run.
pub(super) fn ask(python: &Path) -> Result<Report, Error> {
    let shown = python.display();
    let fault = |why: String| {
        Error::new(Code::PythonNotFound, format!("`{shown}` does not work as a Python")).why(why)
    };
    let answer = Command::new(python)
        .args(["-c", ASK])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fault(error.to_string()))?;
    if !answer.status.success() {
        let last = String::from_utf8_lossy(&answer.stderr);
        let last = last.lines().last().unwrap_or_default();
        return Err(fault(format!("it ended with {}: {last}", answer.status)));
    }
    serde_json::from_slice(&answer.stdout).map_err(|error| fault(error.to_string()))
}

/// Why a runner of this interpreter could not start: if it has no Laneway, that is the reason.
pub(super) fn for_want_of_laneway(error: Error, python: &Path) -> Error {
    let is_silent = error.code() == Code::RunnerUnstable;
    let report = if is_silent { ask(python).ok() } else { None };
    match report {
        Some(Report { laneway: None, error: Some(why), .. }) => without_laneway(python, &why),
        _ => error,
    }
}

fn without_laneway(python: &Path, why: &str) -> Error {
    let what = format!("the Python `{}` has no Laneway", python.display());
    Error::new(Code::PythonNotFound, what).why(why).fix(
        "name the Python of the environment that has Laneway by `--python`, or install it there: \
         `pip install path/to/the/clone`",
    )
}

/// The folders of programs of the environments that may be meant, the likeliest first.
fn environments(settings: &Settings, sources: &Sources) -> Vec<(PathBuf, &'static str)> {
    let mut folders = Vec::new();
    if let Some(environment) = sources.variable("VIRTUAL_ENV") {
        folders.push((Path::new(environment).join("bin"), "VIRTUAL_ENV"));
    }
    folders.push((settings.project.join(".venv/bin"), "the project's .venv"));
    let own = std::env::current_exe().ok();
    if let Some(folder) = own.as_deref().and_then(Path::parent) {
        folders.push((folder.to_owned(), "where this command is installed"));
    }
    folders
}

fn in_path(name: &Path, sources: &Sources) -> Option<PathBuf> {
    let folders = sources.variable("PATH")?;
    std::env::split_paths(folders).map(|folder| folder.join(name)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn not_found(why: String) -> Error {
    Error::new(Code::PythonNotFound, "no Python is found that could run the application").why(why)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config;

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn sources(folder: &Path, variables: &[(&str, PathBuf)]) -> Sources {
        Sources::new(folder).with_environment(
            variables.iter().map(|(name, value)| ((*name).to_owned(), value.display().to_string())),
        )
    }

    #[test]
    fn the_likeliest_environment_wins() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let variables = [("VIRTUAL_ENV", at("active")), ("PATH", at("bin"))];
        let sources = sources(folder.path(), &variables);
        let find = || find(&config::load(&sources).unwrap(), &sources).map(|python| python.path);

        // The test's own program stands in the build folder, which has no `python`.
        assert_eq!(find().unwrap_err().code(), Code::PythonNotFound);
        for path in ["bin/python3", ".venv/bin/python", "active/bin/python"] {
            program(&at(path));
            assert_eq!(find().unwrap(), at(path));
        }
    }

    #[test]
    fn a_configured_interpreter_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        program(&at("bin/python3.12"));
        fs::write(at("plain"), "").unwrap();
        for (text, found) in [
            ("python3.12", Some("bin/python3.12")),
            ("bin/python3.12", Some("bin/python3.12")),
            ("python3.13", None),
            ("./plain", None),
        ] {
            let variables = [("LANEWAY_PYTHON", PathBuf::from(text)), ("PATH", at("bin"))];
            let sources = sources(folder.path(), &variables);
            let python = find(&config::load(&sources).unwrap(), &sources);
            match found {
                Some(path) => assert_eq!(python.unwrap().path, at(path)),
                None => assert!(python.unwrap_err().reason().starts_with("LANEWAY_PYTHON names")),
            }
        }
    }

    #[test]
    fn a_program_that_is_no_python_is_told_apart() {
        let error = ask(Path::new("/bin/false")).unwrap_err();
        assert_eq!(error.code(), Code::PythonNotFound);
    }
}
