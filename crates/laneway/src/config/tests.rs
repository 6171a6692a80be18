use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use laneway_core::job::QueueName;
use tempfile::TempDir;

use super::table::{ENTRIES, entry};
use super::*;
use crate::StoreUrl;

/// A folder with files, as (path, text).
fn folder(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The error that a `laneway.toml` with this text causes.
fn error_of(text: &str) -> Error {
    let (_keep, path) = folder(&[("laneway.toml", text)]);
    load(&Sources::new(path)).unwrap_err()
}

#[test]
fn every_default_is_possible_and_known_as_a_default() {
    let (_keep, path) = folder(&[]);
    let settings = load(&Sources::new(&path)).unwrap();
    assert!(settings.rows().iter().all(|row| row.origin == Origin::Default));
    assert_eq!(settings.store.value, StoreUrl::file(path.join(".laneway/laneway.db")));
    assert_eq!(settings.lease.value, Duration::from_secs(10));
    assert_eq!(settings.concurrency_async.value, 1000);
    assert_eq!(settings.payload_max.value, Bytes(1 << 20));
    assert_eq!(settings.concurrency_process.value, None);
}

#[test]
fn keys_variables_and_flags_are_unique_and_follow_one_pattern() {
    for (index, entry) in ENTRIES.iter().enumerate() {
        let variable = format!("LANEWAY_{}", entry.key.to_uppercase().replace('.', "_"));
        assert_eq!(entry.env, variable);
        let mut others = ENTRIES.iter().skip(index + 1);
        assert!(entry.flag.is_none() || others.all(|other| other.flag != entry.flag));
        assert!(!entry.doc.is_empty());
    }
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let (_keep, path) = folder(&[("laneway.toml", "\nlease = \"4s\"\n")]);
    let file = Sources::new(&path);
    let variable = file.clone().with_environment(variables(&[("LANEWAY_LEASE", "3s")]));
    let flag = variable.clone().with_flag(entry("lease").unwrap(), Some("2s".to_owned()));
    for (sources, seconds, origin) in [
        (file, 4, format!("{}:2", path.join("laneway.toml").display())),
        (variable, 3, "LANEWAY_LEASE".to_owned()),
        (flag, 2, "--lease".to_owned()),
    ] {
        let lease = load(&sources).unwrap().lease;
        assert_eq!(lease.value, Duration::from_secs(seconds));
        assert_eq!(lease.origin.to_string(), origin);
    }
}

#[test]
fn every_kind_of_value_is_read_from_toml() {
    let (_keep, path) = folder(&[(
        "laneway.toml",
        r#"
            app = "shop.tasks:app"
            queues = ["mail", "default"]
            retention = "2d"
            payload_max = 2048
            recycle_memory = "512 MiB"
            recycle_jobs = 0x10
            python = ".venv/bin/python"
            log = "json"
            [concurrency]
            async = 50
            process = 0
        "#,
    )]);
    let settings = load(&Sources::new(&path)).unwrap();
    let queues = settings.queues.value.unwrap();
    assert_eq!(queues.iter().map(QueueName::as_str).collect::<Vec<_>>(), ["mail", "default"]);
    assert_eq!(settings.app.value.as_deref(), Some("shop.tasks:app"));
    assert_eq!(settings.retention.value, Duration::from_secs(172_800));
    assert_eq!(settings.payload_max.value, Bytes(2048));
    assert_eq!(settings.recycle_memory.value, Some(Bytes(512 << 20)));
    assert_eq!(settings.recycle_jobs.value, 16);
    assert_eq!(settings.python.value, Some(Program(path.join(".venv/bin/python"))));
    assert_eq!(settings.log.value, LogFormat::Json);
    assert_eq!(settings.concurrency_async.value, 50);
    assert_eq!(settings.concurrency_process.value, Some(0));
}

#[test]
fn the_nearest_file_with_settings_is_found_and_decides_the_project() {
    let own = ("shop/laneway.toml", "lease = \"2s\"");
    let with_table = ("shop/pyproject.toml", "[tool.laneway]\nlease = \"3s\"");
    let without_table = ("shop/api/pyproject.toml", "[project]\nname = \"api\"");
    for (files, lease, project) in [
        (vec![own, with_table, without_table], 2, "shop"),
        (vec![with_table, without_table], 3, "shop"),
        (vec![without_table], 10, "shop/api"),
        (vec![], 10, "shop/api/src"),
    ] {
        let (_keep, path) = folder(&files);
        let start = path.join("shop/api/src");
        fs::create_dir_all(&start).unwrap();
        let settings = load(&Sources::new(&start)).unwrap();
        assert_eq!(settings.lease.value, Duration::from_secs(lease));
        assert_eq!(settings.project, path.join(project));
        let store = path.join(project).join(".laneway/laneway.db");
        assert_eq!(settings.store.value, StoreUrl::file(store));
    }
}

#[test]
fn a_relative_store_stands_relative_to_who_named_it() {
    let (_keep, path) = folder(&[("laneway.toml", "store = \"sqlite:///jobs.db\"")]);
    let inner = path.join("deep");
    fs::create_dir(&inner).unwrap();
    let file = Sources::new(&inner);
    assert_eq!(load(&file).unwrap().store.value, StoreUrl::file(path.join("jobs.db")));
    let variable = file.with_environment(variables(&[("LANEWAY_STORE", "sqlite:///jobs.db")]));
    assert_eq!(load(&variable).unwrap().store.value, StoreUrl::file(inner.join("jobs.db")));
}

#[test]
fn an_application_that_a_file_names_as_a_file_stands_beside_it() {
    let (_keep, path) = folder(&[("laneway.toml", "app = \"shop/tasks.py\"")]);
    let sources = Sources::new(&path);
    let beside = path.join("shop/tasks.py").display().to_string();
    assert_eq!(load(&sources).unwrap().app_ref(), Some(beside));
    let flag = sources.with_flag(entry("app").unwrap(), Some("tasks.py".to_owned()));
    assert_eq!(load(&flag).unwrap().app_ref().as_deref(), Some("tasks.py"));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_closest_name() {
    for (text, line, closest) in [
        ("lease = \"9s\"\nretenton = \"1d\"", 2, "retention"),
        ("[concurrency]\n\nasinc = 4", 3, "concurrency.async"),
        ("lease = { seconds = 4 }", 1, "lease"),
    ] {
        let error = error_of(text);
        assert_eq!(error.code(), Code::UnknownSetting, "{text}");
        assert!(error.reason().ends_with(&format!("laneway.toml:{line} sets it")), "{error}");
        if closest != "lease" {
            assert_eq!(error.remedy(), format!("did you mean `{closest}`?"));
        }
    }
}

#[test]
fn an_impossible_value_names_its_origin_and_what_is_needed() {
    for (text, line) in [
        ("\nlease = 10", 2),
        ("lease = \"ten\"", 1),
        ("lease = \"1ms\"", 1),
        ("queues = []", 1),
        ("queues = [1]", 1),
        ("concurrency.async = -1", 1),
        ("payload_max = \"1 mile\"", 1),
        ("payload_max = \"99999999999GiB\"", 1),
        ("log = \"xml\"", 1),
        ("recycle_jobs = 99999999999999999999999", 1),
        ("app = \" \"", 1),
        ("python = true", 1),
    ] {
        let error = error_of(text);
        assert_eq!(error.code(), Code::InvalidSetting, "{text}: {error}");
        assert!(error.reason().contains(&format!("laneway.toml:{line}")), "{error}");
    }
    let sources = Sources::new("/").with_environment(variables(&[("LANEWAY_LEASE", "soon")]));
    let error = load(&sources).unwrap_err();
    assert_eq!(
        error.to_string().lines().collect::<Vec<_>>(),
        [
            "error[LW1021]: `lease` is not possible",
            "  why: LANEWAY_LEASE gives `soon`, but what is needed is a duration such as `250ms`, \
             `30s` or `1.5h`",
            "  fix: set `lease` to a duration such as `250ms`, `30s` or `1.5h`",
        ]
    );
}

#[test]
fn what_was_probably_meant_is_offered() {
    for (text, meant) in [
        ("lease = \"30\"", "30s"),
        ("lease = 30", "30s"),
        ("drain_timeout = \"2 minutes\"", "2m"),
        ("memory_max = \"512m\"", "512MiB"),
        ("listen = 9090", "127.0.0.1:9090"),
        ("listen = \"localhost:9090\"", "127.0.0.1:9090"),
    ] {
        assert_eq!(error_of(text).remedy(), format!("did you mean `{meant}`?"), "{text}");
    }
    assert!(error_of("memory_max = \"1 mile\"").remedy().starts_with("set `memory_max` to"));
}

#[test]
fn a_wrong_store_url_tells_who_set_it() {
    let error = error_of("store = \"amqp://:secret@host\"");
    assert_eq!(error.code(), Code::StoreUrlInvalid);
    assert!(error.reason().contains("laneway.toml:1"), "{error}");
    assert!(!error.to_string().contains("secret"));
    assert_eq!(error_of("store = \"jobs.db\"").code(), Code::StoreUrlInvalid);
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let error = error_of("lease = \"10s\"\nretention == 4");
    assert_eq!(error.code(), Code::SettingsUnreadable);
    assert!(error.reason().contains("laneway.toml:2:"), "{error}");
    assert_eq!(error.remedy(), "correct line 2 of the file");
}

#[test]
fn a_variable_that_looks_like_a_setting_is_remarked_and_others_are_left_alone() {
    let sources = Sources::new("/").with_environment(variables(&[
        ("LANEWAY_LAESE", "1s"),
        ("LANEWAY_PORT", "tcp://10.0.0.1:80"),
        ("LANEWAY_SERVICE_HOST", "10.0.0.1"),
        ("LANEWAY_LEASE", ""),
    ]));
    let settings = load(&sources).unwrap();
    assert_eq!(settings.lease.origin, Origin::Default);
    assert_eq!(
        settings.warnings,
        ["`LANEWAY_LAESE` is not a setting and was ignored; did you mean `LANEWAY_LEASE`?"]
    );
}

#[test]
fn bytes_are_read_and_written_in_their_units() {
    for (text, bytes, shown) in [
        ("1MiB", 1 << 20, "1MiB"),
        ("512 mib", 512 << 20, "512MiB"),
        ("1500", 1500, "1500B"),
        ("2kB", 2000, "2kB"),
        ("0", 0, "0B"),
        ("3 B", 3, "3B"),
    ] {
        let raw = Raw::Text(text.to_owned());
        let read = Bytes::read(&raw, Path::new("/")).unwrap();
        assert_eq!((read, read.to_string().as_str()), (Bytes(bytes), shown), "{text}");
    }
}
