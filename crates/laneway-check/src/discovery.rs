//! Which files are checked, and what their modules are called.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use ignore::overrides::OverrideBuilder;
use rustc_hash::FxHashMap;

use crate::finding::FileProblem;

/// A file to be checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) module: String,
    pub(crate) is_package: bool,
    pub(crate) is_test: bool,
}

/// Which folders are packages: each is asked for once.
#[derive(Debug, Default)]
struct Packages(FxHashMap<PathBuf, bool>);

impl Packages {
    fn is_package(&mut self, folder: &Path) -> bool {
        if let Some(known) = self.0.get(folder) {
            return *known;
        }
        let is_package = folder.join("__init__.py").is_file();
        self.0.insert(folder.to_owned(), is_package);
        is_package
    }
}

/// Folders that hold other people's code or what was made from one's own.
const NEVER: &[&str] = &[
    "!**/.git",
    "!**/__pycache__",
    "!**/.venv",
    "!**/venv",
    "!**/node_modules",
    "!**/.tox",
    "!**/.nox",
    "!**/.eggs",
    "!**/.mypy_cache",
    "!**/.ruff_cache",
    "!**/.laneway",
];

/// All Python files below some paths, in the order of their names.
pub(crate) fn discover(
    paths: &[PathBuf],
    exclude: &[String],
    respects_ignores: bool,
) -> (Vec<Found>, Vec<FileProblem>) {
    let mut found = BTreeSet::new();
    let mut problems = Vec::new();
    let mut packages = Packages::default();
    for root in paths {
        walk(root, exclude, respects_ignores, &mut |result| match result {
            Ok(path) => {
                found.insert(describe(&path, root, &mut packages));
            }
            Err(problem) => problems.push(problem),
        });
    }
    (found.into_iter().collect(), problems)
}

fn walk(
    root: &Path,
    exclude: &[String],
    respects_ignores: bool,
    take: &mut dyn FnMut(Result<PathBuf, FileProblem>),
) {
    let problem = |path: &Path, message: String| FileProblem {
        path: path.to_string_lossy().as_ref().into(),
        line: None,
        message,
    };
    if root.is_file() {
        return take(Ok(root.to_owned()));
    }
    if root.exists() && !root.is_dir() {
        return take(Err(problem(root, "not read: neither a file nor a folder".to_owned())));
    }
    let (walk, refused) = walker(root, exclude, respects_ignores);
    for (pattern, error) in refused {
        take(Err(problem(Path::new(&pattern), format!("not a pattern: {error}"))));
    }
    for entry in walk.build() {
        match entry {
            Ok(entry) => {
                let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
                let is_python = entry.path().extension().is_some_and(|it| it == "py");
                if is_file && is_python {
                    take(Ok(entry.into_path()));
                }
            }
            Err(error) => take(Err(problem(root, error.to_string()))),
        }
    }
}

/// A walk over what is not left out, and the patterns that are none.
fn walker(
    root: &Path,
    exclude: &[String],
    respects_ignores: bool,
) -> (WalkBuilder, Vec<(String, ignore::Error)>) {
    let mut refused = Vec::new();
    let mut overrides = OverrideBuilder::new(root);
    let never = NEVER.iter().map(|it| (*it).to_owned());
    for pattern in never.chain(exclude.iter().map(|it| format!("!{it}"))) {
        if let Err(error) = overrides.add(&pattern) {
            refused.push((pattern, error));
        }
    }
    let mut walk = WalkBuilder::new(root);
    walk.standard_filters(respects_ignores).hidden(false).require_git(false);
    // A link is not followed: what it points to is found where it is, or is no part of this.
    walk.follow_links(false);
    if let Ok(overrides) = overrides.build() {
        walk.overrides(overrides);
    }
    (walk, refused)
}

/// All folders in which [`discover`] looks, and those of single files.
pub(crate) fn folders(
    paths: &[PathBuf],
    exclude: &[String],
    respects_ignores: bool,
) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    for root in paths {
        if root.is_file() {
            found.extend(root.parent().map(Path::to_owned));
            continue;
        }
        let (walk, _) = walker(root, exclude, respects_ignores);
        let folders = walk.build().filter_map(Result::ok);
        let folders = folders.filter(|it| it.file_type().is_some_and(|kind| kind.is_dir()));
        found.extend(folders.map(ignore::DirEntry::into_path));
    }
    found.into_iter().collect()
}

/// A file that is not on the disk yet.
pub(crate) fn unsaved(path: &Path, roots: &[PathBuf]) -> Found {
    let root =
        roots.iter().filter(|root| path.starts_with(root)).max_by_key(|it| it.as_os_str().len());
    let root = root.map_or_else(|| path.parent().unwrap_or(path), PathBuf::as_path);
    describe(path, root, &mut Packages::default())
}

/// The module's name: from the outermost folder that is a package, or from where the search began.
fn describe(path: &Path, root: &Path, packages: &mut Packages) -> Found {
    let stem = path.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let is_package = stem == "__init__";
    let mut parts = if is_package { Vec::new() } else { vec![stem.clone()] };
    let mut folder = path.parent();
    let mut is_below_root = path != root;
    while let Some(here) = folder {
        is_below_root &= here != root;
        let name = here.file_name().map(|it| it.to_string_lossy().into_owned());
        let is_in_package = packages.is_package(here);
        // A folder without `__init__.py` is a namespace, but `src` and the like are none.
        let is_namespace = is_below_root && name.as_deref().is_some_and(is_namespace_name);
        match name {
            Some(name) if is_in_package || is_namespace => parts.push(name),
            _ => break,
        }
        folder = here.parent();
    }
    parts.reverse();
    let relative = path.strip_prefix(root).unwrap_or(path);
    Found {
        module: parts.join("."),
        is_package,
        is_test: is_test(relative, &stem),
        path: path.to_owned(),
    }
}

fn is_namespace_name(name: &str) -> bool {
    name != "src" && name != "lib" && !name.contains(['.', '-'])
}

fn is_test(relative: &Path, stem: &str) -> bool {
    let folders = relative.parent().into_iter().flat_map(Path::components);
    let mut names = folders.map(|it| it.as_os_str().to_string_lossy());
    names.any(|name| matches!(name.as_ref(), "test" | "tests" | "testing"))
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem == "conftest"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn modules_are_named_from_their_outermost_package() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("src/app/db");
        fs::create_dir_all(&package).unwrap();
        for file in
            ["src/app/__init__.py", "src/app/db/__init__.py", "src/app/db/pool.py", "run.py"]
        {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let (found, problems) = discover(&[folder.path().to_owned()], &[], true);
        let modules: Vec<&str> = found.iter().map(|it| it.module.as_str()).collect();
        assert_eq!(modules, ["run", "app", "app.db", "app.db.pool"]);
        assert!(problems.is_empty());
    }

    #[test]
    fn ignored_and_excluded_files_are_not_found_and_loops_of_links_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".gitignore"), "build/\n").unwrap();
        for name in ["build", "gen", "kept"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("a.py"), "").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("kept/again")).unwrap();
        let paths = [folder.path().to_owned()];
        let (found, _) = discover(&paths, &["gen/**".to_owned()], true);
        let modules: Vec<&str> = found.iter().map(|it| it.module.as_str()).collect();
        assert_eq!(modules, ["kept.a"]);
    }
}
