//! What workers measured.

use std::time::Duration;

use laneway_core::error::Code;
use laneway_core::id::SessionId;
use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{
    Blockage, Interpreter, Measurement, Place, Profile, ProfileKey, Site, SizeBucket,
};
use laneway_core::store::{AddProfiles, Outcome, ReadProfiles, Store};

use super::Harness;
use super::trial::{Trial, payload, seconds};

fn key(task: &str) -> ProfileKey {
    ProfileKey {
        task: TaskName::new(task).expect("a good name"),
        lane: Lane::Async,
        size_bucket: SizeBucket::of(100),
        interpreter: Interpreter::new("cpython-3.13"),
    }
}

/// Runs that took so many milliseconds each.
fn measured<H: Harness>(t: &Trial<H>, key: ProfileKey, walls: &[u64]) -> Profile {
    let mut profile = Profile::new(key);
    for wall in walls {
        let run = Measurement { wall: Duration::from_millis(*wall), ..Measurement::default() };
        profile.record(&run, t.now());
    }
    profile
}

async fn add<H: Harness>(t: &Trial<H>, session: SessionId, call: u64, profiles: Vec<Profile>) {
    let add = AddProfiles { session, call, profiles };
    t.store.add_profiles(add).await.expect("an open session");
}

async fn read<H: Harness>(t: &Trial<H>, read: ReadProfiles) -> Vec<Profile> {
    t.store.profiles(read).await.expect("profiles")
}

async fn everything<H: Harness>(t: &Trial<H>) -> Vec<Profile> {
    read(t, ReadProfiles::default()).await
}

pub async fn what_was_measured_can_be_read_back<H: Harness>(t: Trial<H>) {
    let mut profile = measured(&t, key("app.task"), &[1, 20, 300]);
    let place = Place::new("shop.py", 12, "pay");
    let site = Site::new(place, Blockage::Call, Duration::from_millis(80));
    profile.sites.record(&site.with_stack("shop.py:12 pay", Some(false)));
    add(&t, t.session, 1, vec![profile.clone()]).await;
    assert_eq!(everything(&t).await, [profile]);
}

pub async fn what_several_workers_measured_is_added_up<H: Harness>(t: Trial<H>) {
    let other = t.open_another(seconds(600)).await;
    let (mine, theirs) = (measured(&t, key("a"), &[1, 2]), measured(&t, key("a"), &[3]));
    add(&t, t.session, 1, vec![mine.clone()]).await;
    add(&t, other, 1, vec![theirs.clone()]).await;
    add(&t, t.session, 2, vec![mine.clone()]).await;
    let mut sum = mine.clone();
    sum.merge(&theirs);
    sum.merge(&mine);
    assert_eq!(sum.runs(), 5);
    assert_eq!(everything(&t).await, [sum]);
}

pub async fn lanes_sizes_and_interpreters_stand_apart<H: Harness>(t: Trial<H>) {
    let keys = [
        key("a"),
        ProfileKey { lane: Lane::Thread, ..key("a") },
        ProfileKey { size_bucket: SizeBucket::of(100_000), ..key("a") },
        ProfileKey { interpreter: Interpreter::new("cpython-3.14t"), ..key("a") },
    ];
    let profiles: Vec<_> = keys.iter().map(|key| measured(&t, key.clone(), &[1])).collect();
    add(&t, t.session, 1, profiles).await;
    let found = everything(&t).await;
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|profile| profile.runs() == 1 && keys.contains(&profile.key)));
}

pub async fn profiles_are_listed_by_key<H: Harness>(t: Trial<H>) {
    let names = ["c", "a", "d", "b"];
    let profiles = names.map(|name| measured(&t, key(name), &[1])).to_vec();
    add(&t, t.session, 1, profiles).await;
    let found = everything(&t).await;
    let names: Vec<_> = found.iter().map(|profile| profile.key.task.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

pub async fn the_profiles_of_one_task_can_be_read_alone<H: Harness>(t: Trial<H>) {
    let profiles = vec![measured(&t, key("a"), &[1]), measured(&t, key("b"), &[2])];
    add(&t, t.session, 1, profiles.clone()).await;
    let only = |task: &str| ReadProfiles { task: Some(key(task).task), ..ReadProfiles::default() };
    assert_eq!(read(&t, only("b")).await, profiles[1..]);
    assert_eq!(read(&t, only("c")).await, []);
}

pub async fn a_repeated_call_adds_nothing<H: Harness>(t: Trial<H>) {
    let profile = measured(&t, key("a"), &[5]);
    add(&t, t.session, 1, vec![profile.clone()]).await;
    add(&t, t.session, 1, vec![profile.clone()]).await;
    assert_eq!(everything(&t).await[0].runs(), 1);
    add(&t, t.session, 2, vec![profile.clone()]).await;
    add(&t, t.session, 1, vec![profile]).await;
    assert_eq!(everything(&t).await[0].runs(), 2);
}

pub async fn a_session_that_is_not_open_adds_nothing<H: Harness>(t: Trial<H>) {
    let profiles = vec![measured(&t, key("a"), &[5])];
    let add = AddProfiles { session: SessionId::new(t.now(), 99), call: 1, profiles };
    let error = t.store.add_profiles(add).await.expect_err("a refusal");
    assert_eq!(error.code(), Code::SessionLost);
    assert_eq!(everything(&t).await, []);
}

pub async fn what_was_measured_long_ago_can_be_left_out<H: Harness>(t: Trial<H>) {
    add(&t, t.session, 1, vec![measured(&t, key("a"), &[1])]).await;
    t.advance(seconds(3 * 3_600));
    add(&t, t.session, 2, vec![measured(&t, key("a"), &[2, 3])]).await;
    let within = |hours: u64| ReadProfiles {
        within: Some(seconds(hours * 3_600)),
        ..ReadProfiles::default()
    };
    assert_eq!(read(&t, within(1)).await[0].runs(), 2);
    assert_eq!(read(&t, within(5)).await[0].runs(), 3);
}

pub async fn what_is_older_than_two_weeks_is_forgotten<H: Harness>(t: Trial<H>) {
    add(&t, t.session, 1, vec![measured(&t, key("old"), &[1])]).await;
    t.advance(seconds(9 * 86_400));
    add(&t, t.session, 2, vec![measured(&t, key("new"), &[1])]).await;
    assert_eq!(everything(&t).await.len(), 2);
    t.advance(seconds(6 * 86_400));
    let session = t.open_another(seconds(60)).await;
    add(&t, session, 1, vec![]).await;
    let found = everything(&t).await;
    assert_eq!(found.iter().map(|p| p.key.task.as_str()).collect::<Vec<_>>(), ["new"]);
}

pub async fn profiles_change_nothing_for_jobs<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    add(&t, t.session, 1, vec![measured(&t, key("app.task"), &[1])]).await;
    let job = t.claim(1).await.remove(0);
    add(&t, t.session, 2, vec![measured(&t, key("app.task"), &[1])]).await;
    t.end(&job, Outcome::Succeed(payload("x"))).await;
    assert_eq!(everything(&t).await[0].runs(), 2);
}
