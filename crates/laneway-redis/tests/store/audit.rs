//! Whether everything in a namespace is in step: a job stands in several structures, and all of
//! them must say the same of it.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Commands, Connection};
use serde::Deserialize;

use crate::place::{Namespace, connection};

/// Names of keys without their prefix, and what they hold of jobs.
type Holdings = BTreeMap<String, BTreeSet<String>>;

/// What of a head decides where a job stands.
#[derive(Deserialize)]
struct Head {
    task: String,
    queue: String,
    lane: u8,
    _priority: i8,
    _policy: String,
    limit: OrFalse<String>,
    scope: OrFalse<u8>,
    key: OrFalse<String>,
    _on_interrupt: u8,
    _interrupts_max: u32,
    _span: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OrFalse<T> {
    Value(T),
    False(#[expect(dead_code, reason = "it stands for nothing")] bool),
}

impl<T> OrFalse<T> {
    fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::False(_) => None,
        }
    }
}

/// Compares the structures with what bodies and standings say.
///
/// # Panics
/// When they differ.
pub(crate) fn audit(namespace: &Namespace) {
    let mut connection = connection();
    let expected = expected(&mut connection, namespace);
    let found = found(&mut connection, namespace);
    assert_eq!(found, expected, "the structures of {} are out of step", namespace.0);
}

/// What should be where.
fn expected(connection: &mut Connection, namespace: &Namespace) -> Holdings {
    let bodies: BTreeMap<String, Vec<u8>> = connection.hgetall(namespace.key("body")).unwrap();
    let states: BTreeMap<String, Vec<u8>> = connection.hgetall(namespace.key("state")).unwrap();
    assert!(states.keys().all(|id| bodies.contains_key(id)), "a standing has no body");
    let mut expected = Holdings::new();
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (id, body) in &bodies {
        let length = usize::from(u16::from_be_bytes(body[25..27].try_into().unwrap()));
        let head: Head = rmp_serde::from_slice(&body[27..27 + length]).unwrap();
        let state = states.get(id).map_or(1, |standing| standing[0]);
        *counts.entry(format!("counts {state}:{}", head.queue)).or_default() += 1;
        if let Some(limit) = head.limit.get() {
            *counts.entry(format!("gatejobs {limit}")).or_default() += 1;
        }
        for (key, member) in places(id, &head, states.get(id)) {
            expected.entry(key).or_default().insert(member);
        }
    }
    for (key, count) in counts {
        expected.insert(key, BTreeSet::from([count.to_string()]));
    }
    expected
}

/// Where a job should stand.
fn places(id: &str, head: &Head, standing: Option<&Vec<u8>>) -> Vec<(String, String)> {
    let line = format!("{}:{}", head.lane, head.queue);
    let state = standing.map_or(1, |standing| standing[0]);
    let marks = standing.map_or(0, |standing| standing[1]);
    let mut keys = vec![String::from("all")];
    let mut places = Vec::new();
    match state {
        0 => keys.extend([String::from("due"), format!("due:{line}")]),
        1 => match head.limit.get() {
            None => {
                keys.push(format!("ready:{line}"));
                keys.extend(standing.map(|_| format!("since:{}", head.queue)));
            }
            Some(limit) => {
                let Head { lane: number, queue, .. } = head;
                keys.push(format!("limited:{number}:{}:{queue}:{limit}", queue.len()));
                keys.push(format!("since:{queue}"));
                places.push((format!("lines:{line}"), limit.clone()));
                places.push((format!("linesof:{limit}"), line));
            }
        },
        2 => {
            let standing = standing.unwrap();
            let session = String::from_utf8(standing[58..84].to_vec()).unwrap();
            if standing[46..54] != [0; 8] {
                keys.push(String::from("deadline"));
            }
            if marks & 1 != 0 {
                keys.push(format!("cancel:{session}"));
            }
            keys.push(format!("held:{session}"));
        }
        3 => {}
        _ => keys.push(format!("in:{state}")),
    }
    if marks & 2 != 0 {
        keys.push(String::from("failure"));
    }
    if marks & 4 != 0 {
        keys.push(String::from("progress"));
    }
    if let (Some(scope), Some(key)) = (head.scope.get(), head.key.get()) {
        let has_ended = (3..=5).contains(&state);
        if *scope == 1 || !has_ended {
            places.push((format!("unique {scope}:{}\0{key}", head.task), id.to_owned()));
        }
    }
    places.extend(keys.into_iter().map(|key| (key, id.to_owned())));
    places
}

/// What is where.
fn found(connection: &mut Connection, namespace: &Namespace) -> Holdings {
    let prefix = namespace.key("");
    let keys: Vec<String> =
        connection.scan_match(format!("{prefix}*")).unwrap().map(|key| key.unwrap()).collect();
    let mut found = Holdings::new();
    for key in keys {
        let name = key.strip_prefix(&prefix).unwrap().to_owned();
        let kind = name.split(':').next().unwrap_or_default().to_owned();
        match kind.as_str() {
            "all" | "in" | "ready" | "since" | "due" | "limited" | "lines" | "deadline" => {
                found.insert(name, connection.zrange(&key, 0, -1).unwrap());
            }
            "linesof" | "held" | "cancel" => {
                found.insert(name, connection.smembers(&key).unwrap());
            }
            "failure" | "progress" => {
                found.insert(name, connection.hkeys(&key).unwrap());
            }
            "unique" | "counts" | "gatejobs" => {
                let fields: BTreeMap<String, String> = connection.hgetall(&key).unwrap();
                for (field, value) in fields.into_iter().filter(|(_, value)| value != "0") {
                    found.insert(format!("{name} {field}"), BTreeSet::from([value]));
                }
            }
            _ => {}
        }
    }
    found
}
