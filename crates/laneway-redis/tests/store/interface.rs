//! What other programs may add by the stored script: exactly what workers can read.

use std::time::Duration;

use laneway_core::error::Code;
use laneway_core::id::SessionId;
use laneway_core::job::{Lane, QueueName};
use laneway_core::policy::Policy;
use laneway_core::store::{Claim, ClaimedJob, LaneSlots, OpenSession, Store};
use laneway_redis::{RedisOptions, RedisStore};
use laneway_testkit::block_on::block_on;
use laneway_testkit::described::{Field, names, numbers};
use redis::{Commands, RedisResult};
use serde::{Serialize, Serializer};

use crate::jobs;
use crate::place::{Namespace, connection, url};

/// Any value that MessagePack can say.
#[derive(Debug, Clone)]
enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Large(u64),
    Float(f64),
    Text(String),
    Binary(Vec<u8>),
    Array(Vec<Self>),
    Map(Vec<(&'static str, Self)>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Large(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Binary(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Map(pairs) => {
                serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// A store, and a program beside it that calls the script.
struct Beside {
    store: RedisStore,
    script: String,
    namespace: Namespace,
}

/// One group of one job.
#[derive(Clone)]
struct Group {
    head: Vec<Value>,
    due: &'static str,
    rate: String,
    policies: Vec<(&'static str, Vec<u8>)>,
}

fn group() -> Group {
    let head = vec!["app.task".into(), "default".into(), 0.into(), 0.into()];
    Group { head, due: "", rate: String::new(), policies: Vec::new() }
}

impl Group {
    /// With further elements of the head, `false` for those before that are left out.
    fn with(mut self, element: usize, value: Value) -> Self {
        while self.head.len() <= element {
            self.head.push(false.into());
        }
        self.head[element] = value;
        self
    }
}

fn packed(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap()
}

impl Beside {
    fn new() -> Self {
        let namespace = Namespace::new();
        let options = RedisOptions::parse(&url(&namespace)).unwrap();
        let store = block_on(RedisStore::open(options)).unwrap();
        let script = connection().hget(namespace.key("scripts"), "enqueue").unwrap();
        Self { store, script, namespace }
    }

    fn add(&self, group: &Group) -> RedisResult<(String, Vec<String>)> {
        let mut command = redis::cmd("EVAL");
        command.arg(&self.script).arg(1).arg(self.namespace.key("meta")).arg("");
        command.arg(group.policies.len());
        for (name, policy) in &group.policies {
            command.arg(name).arg(policy);
        }
        command.arg(packed(&Value::Array(group.head.clone()))).arg(group.due).arg(&group.rate);
        command.arg(1).arg(jobs::plain(1)[0].id.to_string()).arg(b"\x80");
        command.query(&mut connection())
    }

    /// Adds a job, or expects to be refused and that nothing is added.
    fn try_out(&self, group: &Group, is_good: bool, shown: &str) {
        let before: usize = connection().hlen(self.namespace.key("body")).unwrap();
        let answer = self.add(group);
        let after: usize = connection().hlen(self.namespace.key("body")).unwrap();
        assert_eq!(after - before, usize::from(is_good), "{shown}: {answer:?}");
        match answer {
            Ok(_) => assert!(is_good, "{shown} is too much"),
            Err(error) => {
                let code = Code::JobUnreadable.to_string();
                assert_eq!(error.code(), Some(code.as_str()), "{shown}: {error}");
                assert!(!is_good, "{shown} is possible: {error}");
            }
        }
    }

    /// Everything that was added to a queue, as a worker gets it.
    fn claim(&self) -> Vec<ClaimedJob> {
        let session = SessionId::from_bits(1);
        let lease = Duration::from_secs(600);
        let open = OpenSession { session, worker: String::from("test"), lease };
        block_on(self.store.open_session(open)).unwrap();
        let slots = Lane::ALL.into_iter().map(|lane| LaneSlots { lane, count: 1_000 }).collect();
        let queues = [QueueName::default_queue()].into();
        let claim = Claim { session, call: fastrand::u64(..), queues, slots };
        block_on(self.store.claim(claim)).unwrap().jobs
    }
}

#[test]
fn names_are_taken_and_refused_as_the_core_does() {
    let beside = Beside::new();
    for name in names() {
        let shown = format!("{:?}", name.text);
        beside.try_out(&group().with(0, name.text.as_str().into()), name.is_good, &shown);
        beside.try_out(&group().with(1, name.text.as_str().into()), name.is_good, &shown);
    }
    for bytes in [&b"\xff"[..], b"a\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"] {
        beside.try_out(&group().with(0, Value::Binary(bytes.to_vec())), false, "no UTF-8");
    }
    let good: Vec<_> = names().into_iter().filter(|name| name.is_good).collect();
    let mut tasks: Vec<_> =
        beside.claim().into_iter().map(|job| job.task.as_str().to_owned()).collect();
    let mut expected: Vec<_> = good.iter().map(|name| name.text.clone()).collect();
    tasks.sort_unstable();
    expected.sort_unstable();
    assert_eq!(tasks, expected);
    assert_eq!(block_on(beside.store.queues()).unwrap().len(), good.len() + 1);
}

/// A number as whole as its text is.
fn value(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(whole) => whole.into(),
        Err(_) => text.parse::<f64>().unwrap().into(),
    }
}

#[test]
fn numbers_are_taken_and_refused_as_the_core_does() {
    let beside = Beside::new();
    let mut good = 0;
    for number in numbers() {
        let shown = format!("{:?} {}", number.field, number.text);
        let text = number.text;
        let limited = group().with(5, shown.as_str().into());
        let group = match number.field {
            Field::Lane => group().with(2, value(text)),
            Field::Priority => group().with(3, value(text)),
            Field::InterruptsMax => group().with(8, 0.into()).with(9, value(text)),
            Field::Count => Group { rate: format!("{text}/1000000/1"), ..limited },
            Field::Per => Group { rate: format!("25/{text}/1"), ..limited },
            Field::Burst => Group { rate: format!("1/1000000/{text}"), ..limited },
        };
        good += usize::from(number.is_good);
        beside.try_out(&group, number.is_good, &shown);
    }
    assert_eq!(beside.claim().len(), good);
}

/// Numbers that are whole but not written so, holes, and what is left out: workers read them.
#[test]
fn a_head_is_stored_as_workers_read_it() {
    let beside = Beside::new();
    let odd = [
        group().with(2, 1.0.into()).with(3, 5.0.into()),
        group().with(4, Value::Nil),
        group().with(4, "".into()).with(5, Value::Nil).with(8, 1.into()),
        group().with(8, 0.0.into()).with(9, 7.0.into()).with(10, 5e6.into()),
        group().with(6, false.into()).with(7, "a key without a scope".into()),
        group()
            .with(12, "from a later release".into())
            .with(8, 0.into())
            .with(9, 3.into())
            .with(10, 0.into()),
    ];
    for group in &odd {
        beside.add(group).unwrap();
    }
    assert_eq!(beside.claim().len(), odd.len());
}

#[test]
fn what_is_of_another_kind_is_refused() {
    let beside = Beside::new();
    let at = |element, value: Value| group().with(element, value);
    for (group, shown) in [
        (at(0, 7.into()), "a task that is a number"),
        (at(1, Value::Nil), "no queue"),
        (at(2, "thread".into()), "a lane by its name"),
        (at(2, f64::NAN.into()), "a lane that is no number"),
        (at(3, f64::INFINITY.into()), "an endless priority"),
        (at(4, "unheard of".into()), "a policy that nobody knows"),
        (at(4, 7.into()), "a policy that is a number"),
        (at(5, true.into()), "a limit that is true"),
        (at(6, 2.into()).with(7, "key".into()), "another scope"),
        (at(6, 0.into()), "a scope without a key"),
        (at(6, 0.into()).with(7, Value::Binary(vec![0xff])), "a key that is no text"),
        (at(8, 2.into()), "another end of interruptions"),
        (at(8, 0.into()).with(9, 3.into()).with(10, (-1).into()), "a negative span"),
        (at(8, 0.into()).with(9, 3.into()).with(10, 1.5.into()), "a part of a microsecond"),
        (Group { due: "soon", ..group() }, "a due time that is a word"),
        (Group { due: "+-5", ..group() }, "a negative wait"),
        (Group { due: "+1.5", ..group() }, "a part of a microsecond's wait"),
    ] {
        beside.try_out(&group, false, shown);
    }
    assert!(block_on(beside.store.queues()).unwrap().is_empty());
}

#[test]
fn policies_are_taken_and_refused_as_workers_read_them() {
    let beside = Beside::new();
    let span = |secs: Value, nanos: Value| Value::Map(vec![("secs", secs), ("nanos", nanos)]);
    let plain = || span(1.into(), 0.into());
    let retry = |attempts, first, factor, jitter| {
        Value::Map(vec![
            ("attempts_max", attempts),
            ("first", first),
            ("factor", factor),
            ("cap", plain()),
            ("jitter", jitter),
        ])
    };
    let usual = || retry(1.into(), plain(), 2.0.into(), 0.5.into());
    let policy = |retry, timeout: Value, grace: Value, word: &str, interrupts: Value| {
        packed(&Value::Map(vec![
            ("retry", retry),
            ("timeout", timeout),
            ("grace", grace),
            ("on_interrupt", word.into()),
            ("interrupts_max", interrupts),
        ]))
    };
    let timed = |timeout| policy(usual(), timeout, plain(), "retry", 3.into());
    let retried = |retry| policy(retry, Value::Nil, plain(), "retry", 3.into());
    let nanos = || Value::Int(4_294_967_296);
    let table = [
        (rmp_serde::to_vec_named(&Policy::default()).unwrap(), true),
        (timed(span(5.into(), 0.into())), true),
        (timed(span(Value::Large(u64::MAX), 0.into())), true),
        (timed(span((-5).into(), 0.into())), false),
        (timed(span(1.5.into(), 0.into())), false),
        (timed(span("5".into(), 0.into())), false),
        (timed(5.into()), false),
        (policy(usual(), Value::Nil, Value::Nil, "retry", 3.into()), false),
        (policy(usual(), Value::Nil, plain(), "park", 3.into()), true),
        (policy(usual(), Value::Nil, plain(), "forget", 3.into()), false),
        (policy(usual(), Value::Nil, plain(), "retry", 0.5.into()), false),
        (policy(usual(), Value::Nil, plain(), "retry", (-1).into()), false),
        (retried(retry(1.into(), span(1.into(), nanos()), 2.0.into(), 0.5.into())), false),
        (retried(retry((-1).into(), plain(), 2.0.into(), 0.5.into())), false),
        (retried(retry(1.into(), plain(), 3.into(), 0.into())), true),
        (retried(retry(1.into(), plain(), 2.0.into(), "much".into())), false),
        (retried(Value::Nil), false),
        (packed(&Value::Map(vec![("retry", usual())])), false),
        (b"\xff\xff".to_vec(), false),
        (Vec::new(), false),
        (packed(&Value::Nil), false),
    ];
    let names: Vec<&'static str> =
        (0..table.len()).map(|number| &*format!("policy {number}").leak()).collect();
    let mut good = 0;
    for ((policy, is_good), name) in table.iter().zip(names) {
        assert_eq!(rmp_serde::from_slice::<Policy>(policy).is_ok(), *is_good, "{name}");
        let group =
            Group { policies: vec![(name, policy.clone())], ..group().with(4, name.into()) };
        good += usize::from(*is_good);
        beside.try_out(&group, *is_good, name);
    }
    assert_eq!(beside.claim().len(), good);
}
